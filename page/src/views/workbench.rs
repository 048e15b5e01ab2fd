//! A contract to work with: its functions are read and written from its ABI.

mod arguments;

use super::account;
use crate::ask::{Ask, Trouble, bytes, hex_of};
use crate::format;
use crate::frame::{self, View};
use crate::names::{self, Names, plain};
use crate::query::{Query, escaped};
use crate::site::Answer;
use alloy_json_abi::{Function, Param, StateMutability};
use alloy_primitives::{Address, Bytes};
use arguments::{Wrong, request};
use maud::{Markup, html};
use node::abis::Contract;
use serde_json::{Value, json};

/// The most functions that are shown.
const MOST: usize = 120;

/// The most functions that are called when the page opens.
const AT_ONCE: usize = 30;

/// The longest answer of theirs that is shown, in bytes.
const SHORT: usize = 256;

/// `/address/A/contract`; `?abi=NAME`: as if it had that ABI; `?f=SIGNATURE&a0=…`: what a function
/// gives; with `&encode=1` the bytes of the call, as JSON.
pub(crate) async fn view(
    ask: &Ask,
    names: &Names,
    who: &str,
    query: &Query,
) -> Result<Answer, Trouble> {
    let who = account::parse(who)?;
    let contract =
        match query.get("abi") {
            "" => names.contract_at(&who),
            name => Some(names.contract(name).ok_or_else(|| {
                Trouble::NotFound(format!("There is no ABI of {:?}.", plain(name)))
            })?),
        };
    let Some(contract) = contract else {
        return Ok(choice(ask, names, &who).await?.into());
    };
    let functions: Vec<&Function> = contract.abi.functions().take(MOST).collect();
    let asked = functions
        .iter()
        .find(|function| function.signature() == query.get("f"));
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
    let (reads, writes): (Vec<&Function>, Vec<&Function>) = functions
        .iter()
        .copied()
        .partition(|function| is_read(function));
    let form = |function: &&Function| form(contract, function, query, (result.as_ref(), &wrong));
    let main = html! {
        (account::head(ask, names, &who, "contract").await?)
        p { "By the ABI of " q { (plain(&contract.name)) } ". " }
        (sender(ask).await)
        h2 { "Read" }
        @if reads.is_empty() { p.none { "It has no functions that only read." } }
        (now(ask, names, &who, &reads).await)
        @for function in &reads { (form(function)) }
        h2 { "Write" }
        @if writes.is_empty() { p.none { "It has no functions that write." } }
        @for function in &writes { (form(function)) }
        (others(names, &who))
    };
    Ok(View::new(format!("Contract {who}"), main).into())
}

/// What the functions that take nothing give now.
async fn now(ask: &Ask, names: &Names, who: &Address, reads: &[&Function]) -> Markup {
    let mut rows = Vec::new();
    let plain_reads = reads.iter().filter(|function| function.inputs.is_empty());
    for function in plain_reads.take(AT_ONCE) {
        let answer = ask.view(who, function.selector().as_slice()).await;
        let link = format!("#{}", hex_of(function.selector()));
        rows.push((link, function, answer));
    }
    html! {
        @if !rows.is_empty() {
            div.wide { table.facts.now {
                caption { "What it says of itself now" }
                tbody { @for (link, function, answer) in &rows {
                    tr {
                        th scope="row" { a href=(link) { (plain(&function.name)) } }
                        td { (said(names, function, answer.as_ref())) }
                    }
                } }
            } }
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
        Some(decoded) => names.line(&decoded),
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
async fn choice(ask: &Ask, names: &Names, who: &Address) -> Result<View, Trouble> {
    let main = html! {
        (account::head(ask, names, who, "contract").await?)
        h2 { "Read and write" }
        p { "Nobody said which ABI this contract has. Add its artefact with its address under " a href="/abis" { "Names" } ", or try one of these:" }
        (others(names, who))
    };
    Ok(View::new(format!("Contract {who}"), main))
}

/// The ABIs that it may be looked at with.
fn others(names: &Names, who: &Address) -> Markup {
    let link = |contract: &Contract| {
        let path = format!(
            "/address/{}/contract?abi={}",
            who.to_checksum(None),
            escaped(&contract.name)
        );
        html! { li { a href=(path) { (plain(&contract.name)) } } }
    };
    html! {
        h3 { "As if it had the ABI of" }
        ul.choices {
            @for contract in names.given().take(50) { (link(contract)) }
            @for contract in names.own().filter(|contract| contract.abi.functions().count() > 0) { (link(contract)) }
        }
    }
}

/// Who sends: an account of the devnet, or the browser's wallet.
async fn sender(ask: &Ask) -> Markup {
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
                @for (number, account) in accounts.iter().take(20).filter_map(Value::as_str).enumerate() { option value=(account) { "account " (number) ", " (account) } }
                option value="wallet" { "the browser's wallet" }
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
                @for (place, param) in function.inputs.iter().enumerate() { (input(&format!("a{place}"), &label(place, param), &param.selector_type(), "")) }
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
        " " span.kind { (plain(&param.selector_type())) }
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
    }
    let answer = ask.call("eth_call", json!([request, "latest"])).await;
    Ok(html! {
        @match answer {
            Err(error) => (frame::refusal(names, &error)),
            Ok(answer) => {
                @let output = bytes(&answer).unwrap_or_default();
                @match names::output(function, &output) {
                    Some(decoded) => (names.table(&decoded, "What it gives")),
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
