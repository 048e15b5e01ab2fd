//! Forms that call a method of the node: each shows the call that it makes.

use maud::{Markup, html};

/// A field of a form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'f> {
    pub(super) label: &'static str,
    /// The script's form for typed values: `quantity`, `number`, `text`, `json`, `wei`, `mutez`, `bool`.
    pub(super) kind: &'static str,
    /// The name in the object that is the first parameter; empty: a parameter of its own.
    pub(super) field: &'static str,
    pub(super) value: &'f str,
    pub(super) hint: &'f str,
    /// The list of what may be chosen; empty: there is none.
    pub(super) list: &'static str,
    /// Its value says how things are: it is shown anew when they change.
    pub(super) is_state: bool,
    /// It may stay empty.
    pub(super) optional: bool,
}

impl<'f> Input<'f> {
    pub(super) const fn new(label: &'static str, kind: &'static str) -> Self {
        Self {
            label,
            kind,
            field: "",
            value: "",
            hint: "",
            list: "",
            is_state: false,
            optional: false,
        }
    }

    pub(super) const fn of(self, field: &'static str) -> Self {
        Self { field, ..self }
    }

    pub(super) const fn with(self, value: &'f str) -> Self {
        Self { value, ..self }
    }

    pub(super) const fn now(self, value: &'f str) -> Self {
        Self {
            value,
            is_state: true,
            ..self
        }
    }

    pub(super) const fn hint(self, hint: &'f str) -> Self {
        Self { hint, ..self }
    }

    pub(super) const fn one_of(self, list: &'static str) -> Self {
        Self { list, ..self }
    }

    pub(super) const fn optional(self) -> Self {
        Self {
            optional: true,
            ..self
        }
    }
}

/// A form that calls a method.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form<'f> {
    pub(super) title: &'static str,
    pub(super) method: &'static str,
    pub(super) button: &'static str,
    pub(super) inputs: &'f [Input<'f>],
}

impl Form<'_> {
    pub(super) fn markup(&self) -> Markup {
        html! {
            form.rpc data-method=(self.method) data-sure=[sure(self.method)] {
                h3 { (self.title) }
                @for (place, input) in self.inputs.iter().enumerate() { (field(self.method, place, *input)) }
                p.call { "Call: " code {} }
                button type="submit" { (self.button) }
                output aria-live="polite" {}
            }
        }
    }
}

/// What is asked before a method is called that takes everything away.
fn sure(method: &str) -> Option<&'static str> {
    (method == "anvil_reset").then_some("All blocks and snapshots go. Go back to genesis?")
}

fn field(method: &str, place: usize, input: Input<'_>) -> Markup {
    let id = format!("{method}-{place}-{}", input.field);
    let field = (!input.field.is_empty()).then_some(input.field);
    html! {
        label for=(id) { (input.label) @if input.optional { " (may stay empty)" } }
        @if input.kind == "bool" {
            input #(id) type="checkbox" data-kind="bool" data-field=[field] data-now[input.is_state] checked[input.value == "true"];
        } @else {
            input #(id) data-kind=(input.kind) data-field=[field] data-now[input.is_state] list=[(!input.list.is_empty()).then_some(input.list)] value=(input.value) placeholder=(input.hint) autocomplete="off" spellcheck="false" required[!input.optional];
        }
    }
}

/// A button that calls a method with numbers.
pub(super) fn button(title: &str, method: &str, params: &[u64]) -> Markup {
    let list: Vec<String> = params.iter().map(u64::to_string).collect();
    html! {
        form.rpc.small data-method=(method) data-params=(format!("[{}]", list.join(","))) {
            p.call { code {} }
            button type="submit" { (title) }
            output aria-live="polite" {}
        }
    }
}

/// Which call something makes.
pub(super) fn call_note(method: &str, params: &str) -> Markup {
    html! { p.call { "Call: " code { (method) " " (params) } } }
}
