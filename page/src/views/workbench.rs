//! A contract to work with: its functions are read and written from its ABI.

mod arguments;

use super::account;
use crate::ask::{Ask, Trouble, bytes, hex_of};
use crate::format;
use crate::frame::{self, View};
use crate::names::{self, Names, Room, plain};
use crate::query::{Query, escaped};
use crate::site::Answer;
use crate::slice::{self, Slice};
use alloy_json_abi::{Function, Param, StateMutability};
use alloy_primitives::{Address, Bytes};
use arguments::request;
pub(crate) use arguments::{Wrong, mistyped};
use maud::{Markup, Render, html};
use node::abis::Contract;
use serde_json::{Value, json};

/// The functions of a page, and the bytes that their forms may take.
const PAGE: usize = 60;
const BYTES: usize = 55_000;

/// The most functions that are called when the page opens, and the bytes that their answers may take.
const AT_ONCE: usize = 30;
const NOW_BYTES: usize = 12_000;

/// The most arguments that a form has.
const ARGUMENTS: usize = 64;

/// The ABIs to choose from, and the bytes that their names may take.
const CHOICES: usize = 60;
const CHOICES_BYTES: usize = 10_000;

/// The longest answer of theirs that is shown, in bytes.
const SHORT: usize = 256;

/// `/address/A/contract`; `?abi=NAME`: as if it had that ABI; `?functions=N`: its functions from number
/// N on, those that read first; `?f=SIGNATURE&a0=…`: what a function gives; with `&encode=1` the bytes
/// of the call, as JSON; `?choices=N`: the other ABIs from number N on.
pub(crate) async fn view(
    ask: &Ask,
    names: &Names,
    who: &str,
    query: &Query,
) -> Result<Answer, Trouble> {
    let who = account::parse(who)?;
    let code = ask.call("eth_getCode", json!([who, "latest"])).await?;
    let code = bytes(&code).unwrap_or_default();
    let contract =
        match query.get("abi") {
            "" => names.known(&who, &code).map(|known| known.contract),
            name => Some(names.contract(name).ok_or_else(|| {
                Trouble::NotFound(format!("There is no ABI of {:?}.", plain(name)))
            })?),
        };
    let Some(contract) = contract else {
        return Ok(choice(ask, names, &who, query).await?.into());
    };
    let functions = functions(contract);
    let asked = asked(&functions, query);
    let asked = asked.and_then(|place| functions.get(place));
    if query.has("encode") {
        let function =
            asked.ok_or_else(|| Trouble::NotFound("There is no such function.".into()))?;
        return Ok(Answer::Whole(frame::json(&encoded(&who, function, query))));
    }
    // Without arguments a link only opens the form.
    let complete = |function: &&&Function| function.inputs.is_empty() || query.has("a0");
    let (result, wrong) = match asked.filter(complete) {
        Some(function) => match called(ask, names, (&who, function), query).await {
            Ok(result) => (Some(result), Wrong::new()),
            Err(wrong) => (None, wrong),
        },
        None => (None, Wrong::new()),
    };
    let shown = forms(contract, &who, query, (result.as_ref(), &wrong));
    let reads = functions.iter().filter(|function| is_read(function));
    let reads: Vec<&Function> = reads.copied().collect();
    let main = html! {
        (account::head(ask, names, &who, "contract").await?)
        p { "By the ABI of " q { (plain(&contract.name)) } ". " }
        (sender(ask, query.get("from")).await)
        h2 { "Read" }
        @if reads.is_empty() { p.none { "It has no functions that only read." } }
        @if shown.is_first { (now(ask, names, &who, &reads).await) }
        @for form in &shown.reads { (form) }
        h2 { "Write" }
        @if reads.len() == functions.len() { p.none { "It has no functions that write." } }
        @for form in &shown.writes { (form) }
        (shown.bar)
        (others(names, &who, query))
    };
    Ok(View::new(format!("Contract {who}"), main).into())
}

/// All functions: those that only read come first.
fn functions(contract: &Contract) -> Vec<&Function> {
    let mut functions: Vec<&Function> = contract.abi.functions().collect();
    functions.sort_by_key(|function| !is_read(function));
    functions
}

/// The place of the function that is asked for.
fn asked(functions: &[&Function], query: &Query) -> Option<usize> {
    let wanted = query.get("f");
    let mut all = functions.iter();
    all.position(|function| function.signature() == wanted)
}

/// The forms of a page.
pub(crate) struct Forms {
    reads: Vec<Markup>,
    writes: Vec<Markup>,
    bar: Markup,
    is_first: bool,
}

impl Render for Forms {
    fn render(&self) -> Markup {
        html! { @for form in self.reads.iter().chain(&self.writes) { (form) } (self.bar) }
    }
}

pub(crate) fn forms(
    contract: &Contract,
    who: &Address,
    query: &Query,
    result: (Option<&Markup>, &Wrong),
) -> Forms {
    let functions = functions(contract);
    let slice = slice_of(who, query, asked(&functions, query));
    let make = |function: &&Function| form(contract, function, query, result);
    let (mut reads, slice) = slice.fit(BYTES, functions.iter(), make);
    let count = functions.iter().filter(|one| is_read(one)).count();
    // Of those on this page so many only read.
    let split = count.saturating_sub(slice.from()).min(reads.len());
    Forms {
        writes: reads.split_off(split),
        reads,
        bar: slice.bar("Functions", functions.len()),
        is_first: slice.from() == 0,
    }
}

/// The functions of a page; those with the one that is asked for, if somebody asks for one.
fn slice_of(who: &Address, query: &Query, asked: Option<usize>) -> Slice {
    let mut path = format!("/address/{}/contract", who.to_checksum(None));
    if query.has("abi") {
        path = format!("{path}?abi={}", escaped(query.get("abi")));
    }
    let slice = Slice::of(query, &path, "functions", PAGE);
    match asked.filter(|asked| *asked >= PAGE / 2) {
        Some(asked) => slice.starting(asked),
        None => slice,
    }
}

/// What the functions that take nothing give now.
async fn now(ask: &Ask, names: &Names, who: &Address, reads: &[&Function]) -> Markup {
    let mut rows = Vec::new();
    let plain_reads = reads.iter().filter(|function| function.inputs.is_empty());
    let count = plain_reads.clone().count();
    for function in plain_reads.take(AT_ONCE) {
        let answer = ask.view(who, function.selector().as_slice()).await;
        let link = format!("#{}", hex_of(function.selector()));
        rows.push((link, function, answer));
    }
    let rows = slice::fit(NOW_BYTES, rows.iter(), |(link, function, answer)| {
        html! {
            tr {
                th scope="row" { a href=(link) { (names::name(&function.name)) } }
                td { (said(names, function, answer.as_ref())) }
            }
        }
    });
    html! {
        @if !rows.is_empty() {
            div.wide { table.facts.now {
                caption { "What it says of itself now" }
                tbody { @for row in &rows { (row) } }
            } }
            @if rows.len() < count { p.note { (format::count(count - rows.len())) " more take nothing: each is read by its form." } }
        }
    }
}

/// A short answer; what is long is read by its form.
fn said(names: &Names, function: &Function, answer: Option<&Bytes>) -> Markup {
    let Some(answer) = answer else {
        return html! { span.failed { "✗ it fails" } };
    };
    if answer.len() > SHORT {
        return html! { span.none { (format::count(answer.len())) " bytes: read it below" } };
    }
    match names::output(function, answer) {
        Some(decoded) => names.line(&decoded, Room::of(1_500)),
        None => format::bytes(answer),
    }
}

fn is_read(function: &Function) -> bool {
    matches!(
        function.state_mutability,
        StateMutability::Pure | StateMutability::View
    )
}

/// No ABI is known: which one may it be?
async fn choice(ask: &Ask, names: &Names, who: &Address, query: &Query) -> Result<View, Trouble> {
    let main = html! {
        (account::head(ask, names, who, "contract").await?)
        h2 { "Read and write" }
        p { "Nobody said which ABI this contract has. Add its artefact with its address under " a href="/abis" { "Names" } ", or try one of these:" }
        (others(names, who, query))
    };
    Ok(View::new(format!("Contract {who}"), main))
}

/// The ABIs that it may be looked at with.
fn others(names: &Names, who: &Address, query: &Query) -> Markup {
    let path = format!("/address/{}/contract", who.to_checksum(None));
    let link = |contract: &Contract| {
        let path = format!("{path}?abi={}", escaped(&contract.name));
        html! { li { a href=(path) { (plain(&contract.name)) } } }
    };
    let own = names
        .own()
        .filter(|contract| contract.abi.functions().count() > 0);
    let all: Vec<&Contract> = own.chain(names.given()).collect();
    let slice = Slice::of(query, &path, "choices", CHOICES).at("choices");
    let (rows, slice) = slice.fit(CHOICES_BYTES, all.iter().copied(), link);
    html! {
        h3 #choices { "As if it had the ABI of" }
        ul.choices { @for row in &rows { (row) } }
        (slice.bar("ABIs", all.len()))
    }
}

/// Who sends: an account of the devnet, that of the last call if there was one, or the browser's
/// wallet.
async fn sender(ask: &Ask, last: &str) -> Markup {
    let accounts = match ask.is_devnet() {
        true => ask
            .call("eth_accounts", json!([]))
            .await
            .unwrap_or_default(),
        false => Value::Null,
    };
    let accounts = accounts.as_array().cloned().unwrap_or_default();
    html! {
        p.sender {
            label for="sender" { "Who writes" } " "
            select #sender {
                @for (number, account) in accounts.iter().take(100).filter_map(Value::as_str).enumerate() { option value=(account) selected[account.eq_ignore_ascii_case(last)] { "account " (number) ", " (account) } }
                option value="wallet" selected[last == "wallet"] { "the browser's wallet" }
            }
        }
    }
}

fn form(
    contract: &Contract,
    function: &Function,
    query: &Query,
    (result, wrong): (Option<&Markup>, &Wrong),
) -> Markup {
    let signature = function.signature();
    let here = query.get("f") == signature;
    let id = hex_of(function.selector());
    let pays = function.state_mutability == StateMutability::Payable;
    let kept = |name: &str| {
        if here {
            query.get(name).to_owned()
        } else {
            String::new()
        }
    };
    let why = |name: &str| match here {
        true => wrong
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, why)| why.as_str()),
        false => None,
    };
    let input = |name: &str, label: &Markup, kind: &str, hint: &str| {
        let (id, kept) = (format!("{id}-{name}"), kept(name));
        field(&id, name, label, (kind, hint), (&kept, why(name)))
    };
    html! {
        details.function #(id) open[here] {
            summary { code { (plain(&signature)) } @if pays { " " span.tag { "payable" } } }
            form method="get" action=(format!("#{id}")) data-write[!is_read(function)] {
                input type="hidden" name="abi" value=(contract.name);
                input type="hidden" name="f" value=(signature);
                @if function.inputs.len() > ARGUMENTS { p.failed { "It takes " (function.inputs.len()) " arguments: a form has at most " (ARGUMENTS) "." } }
                @for (place, param) in function.inputs.iter().enumerate().take(ARGUMENTS) { (input(&format!("a{place}"), &label(place, param), &param.selector_type(), &example(param))) }
                @if pays { (input("value", &html! { "Value, in tez" }, "tez", "0")) }
                @if !is_read(function) { (input("gas", &html! { "Gas limit; with one, a call that would fail is sent as well" }, "gas", "estimated")) }
                button type="submit" { @if is_read(function) { "Read" } @else { "Try" } }
                @if !is_read(function) { button.write type="button" hidden { "Send" } }
                output aria-live="polite" {}
            }
            @if here {
                @if let Some(why) = why("f") { p.failed { "✗ " (why) } }
                @if let Some(result) = result { div.result { (result) } }
            }
        }
    }
}

/// The name and type of an argument.
fn label(place: usize, param: &Param) -> Markup {
    html! {
        @if param.name.is_empty() { "#" (place) } @else { (plain(&param.name)) }
        " " span.kind { (plain(&named_type(param))) }
    }
}

/// The longest type with its names, and the longest example, in characters.
const LONG: usize = 400;

/// The type of an argument, with the names of what it is made of.
fn named_type(param: &Param) -> String {
    if param.components.is_empty() {
        return param.selector_type().into_owned();
    }
    let parts: Vec<String> = param
        .components
        .iter()
        .map(|part| {
            format!("{} {}", named_type(part), part.name)
                .trim_end()
                .to_owned()
        })
        .collect();
    let array = param.ty.strip_prefix("tuple").unwrap_or_default();
    let named = format!("({}){array}", parts.join(", "));
    match named.len() <= LONG {
        true => named,
        false => param.selector_type().into_owned(),
    }
}

/// How a list or a struct is written; nothing for what is written as it is.
fn example(param: &Param) -> String {
    let kind = &param.ty;
    let written = match kind.contains('[') || !param.components.is_empty() {
        true => written(kind, &param.components),
        false => String::new(),
    };
    if written.len() <= LONG {
        written
    } else {
        String::new()
    }
}

fn written(kind: &str, components: &[Param]) -> String {
    if kind.len() > LONG {
        return String::new();
    }
    if let Some((inside, count)) = kind
        .strip_suffix(']')
        .and_then(|kind| kind.rsplit_once('['))
    {
        let one = written(inside, components);
        let count = count.parse().unwrap_or(2_usize).clamp(1, 4);
        let most = LONG / one.len().max(1);
        return format!("[{}]", vec![one; count.min(most.max(1))].join(","));
    }
    match kind {
        "tuple" => {
            let parts = components
                .iter()
                .map(|part| written(&part.ty, &part.components));
            format!("({})", parts.collect::<Vec<_>>().join(","))
        }
        "bool" => "true".into(),
        "string" => "\"text\"".into(),
        "address" => "0x…".into(),
        kind if kind.starts_with("bytes") => "0x…".into(),
        _ => "1".into(),
    }
}

/// A field with its label, and behind it what is wrong with what was typed.
fn field(
    id: &str,
    name: &str,
    label: &Markup,
    (kind, hint): (&str, &str),
    (value, wrong): (&str, Option<&str>),
) -> Markup {
    let why = format!("{id}-why");
    html! {
        label for=(id) { (label) }
        input #(id) name=(name) value=(value) data-type=(plain(kind)) placeholder=[(!hint.is_empty()).then_some(hint)] autocomplete="off" spellcheck="false" aria-describedby=(why) aria-invalid=[wrong.map(|_| "true")];
        p.wrong #(why) aria-live="polite" { @if let Some(wrong) = wrong { "✗ " (wrong) } }
    }
}

/// The call as JSON, for who sends it; what is wrong with arguments, by their names.
fn encoded(who: &Address, function: &Function, query: &Query) -> Value {
    match request(who, function, query) {
        Ok(request) => request,
        Err(wrong) => {
            json!({ "wrong": wrong.into_iter().collect::<std::collections::BTreeMap<_, _>>() })
        }
    }
}

/// What a function gives, or why it does not.
async fn called(
    ask: &Ask,
    names: &Names,
    (who, function): (&Address, &Function),
    query: &Query,
) -> Result<Markup, Wrong> {
    let mut request = request(who, function, query)?;
    if let Ok(from) = query.get("from").parse::<Address>() {
        request["from"] = json!(from);
    } else if request["value"] != "0x0"
        && let Ok(accounts) = ask.call("eth_accounts", json!([])).await
        && let Some(first) = accounts.get(0)
    {
        // Who has no name here has no money to send: it is tried as the account that is chosen first.
        request["from"] = first.clone();
    }
    let answer = ask.call("eth_call", json!([request, "latest"])).await;
    Ok(html! {
        @match answer {
            Err(error) => (frame::refusal(names, &error)),
            Ok(answer) => {
                @let output = bytes(&answer).unwrap_or_default();
                @match names::output(function, &output) {
                    Some(decoded) => (names.table(&decoded, "What it gives", Room::of(10_000))),
                    None if output.is_empty() && !function.outputs.is_empty() => p.failed { "It gave nothing back: there may be no such contract." },
                    None => { p.worked { "✓ It would go through." } @if !output.is_empty() { (format::bytes(&output)) } },
                }
            },
        }
        p.call { "Call: " code { "eth_call " (json!([request, "latest"])) } }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_with_arguments_that_are_none_is_told_so_by_their_names() {
        let function = Function::parse("function f(address a, uint8 b)").unwrap();
        let query = Query::parse("a0=0x1111111111111111111111111111111111111111&a1=256");
        let json = encoded(&Address::ZERO, &function, &query);
        assert!(
            json["wrong"]["a1"].as_str().unwrap().contains("256"),
            "{json}"
        );
    }

    #[test]
    fn structs_are_shown_with_the_names_of_their_parts_and_how_they_are_written() {
        let json = json!({ "name": "order", "type": "tuple[]", "components": [
            { "name": "id", "type": "uint256" }, { "name": "who", "type": "address" },
            { "name": "", "type": "bool[2]" }, { "name": "note", "type": "string" } ] });
        let param: Param = serde_json::from_value(json).unwrap();
        let shown = label(0, &param).into_string();
        assert!(
            shown.contains("(uint256 id, address who, bool[2], string note)[]"),
            "{shown}"
        );
        let one = "(1,0x…,[true,true],\"text\")";
        assert_eq!(example(&param), format!("[{one},{one}]"));
        let plain = Param::parse("uint256 amount").unwrap();
        assert_eq!(
            (named_type(&plain), example(&plain)),
            ("uint256".into(), String::new())
        );
    }

    #[test]
    fn what_is_wrong_stands_beside_its_field() {
        let text = field(
            "f-a0",
            "a0",
            &html! { "to" },
            ("address", ""),
            ("0x12", Some("no address")),
        );
        let text = text.into_string();
        assert!(
            text.contains("aria-describedby=\"f-a0-why\" aria-invalid=\"true\""),
            "{text}"
        );
        assert!(
            text.contains("id=\"f-a0-why\" aria-live=\"polite\">✗ no address<"),
            "{text}"
        );
    }
}
