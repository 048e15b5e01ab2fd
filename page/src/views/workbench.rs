//! A contract to work with: its functions are read and written from its ABI.

use super::account;
use crate::ask::{Ask, Trouble, bytes, hex_of};
use crate::format;
use crate::frame::{self, View};
use crate::names::{self, Names, plain};
use crate::query::{Query, escaped};
use crate::site::Answer;
use alloy_dyn_abi::{DynSolType, DynSolValue, JsonAbiExt, Specifier};
use alloy_json_abi::{Function, Param, StateMutability};
use alloy_primitives::{Address, Bytes, U256};
use maud::{Markup, html};
use node::abis::Contract;
use serde_json::{Value, json};

/// The most functions that are shown.
const MOST: usize = 120;

/// The most functions that are called when the page opens.
const AT_ONCE: usize = 30;

/// The longest answer of theirs that is shown, in bytes.
const SHORT: usize = 256;

/// The decimal places of wei in a tez.
const PLACES: u8 = 18;

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

/// An argument as somebody typed it.
fn typed(param: &Param, text: &str) -> Result<DynSolValue, String> {
    let kind = param
        .resolve()
        .map_err(|error| format!("a type that is not known: {error}"))?;
    if !names::fits(&kind, 1 << 16) {
        return Err("a type that is too large".into());
    }
    match kind {
        DynSolType::String => Ok(DynSolValue::String(text.to_owned())),
        DynSolType::Bytes if text.is_empty() => Ok(DynSolValue::Bytes(Vec::new())),
        kind => {
            let digits = match kind {
                DynSolType::Uint(_) | DynSolType::Int(_) => digits(text),
                _ => None,
            };
            kind.coerce_str(digits.as_deref().unwrap_or(text))
                .map_err(|_| format!("{:?} is no {}", plain(text), kind.sol_type_name()))
        }
    }
}

/// A number whose thousands are apart, as the pages show it, without its commas.
fn digits(text: &str) -> Option<String> {
    let whole = text.split('.').next().unwrap_or_default();
    let mut groups = whole.strip_prefix('-').unwrap_or(whole).split(',');
    let first = groups.next().unwrap_or_default();
    let all = |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    let apart =
        first.len() <= 3 && all(first) && groups.all(|group| group.len() == 3 && all(group));
    (apart && whole.contains(',')).then(|| text.replace(',', ""))
}

/// A gas limit; none: it is estimated.
fn gas(text: &str) -> Result<Option<u64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = digits(text).unwrap_or_else(|| text.to_owned()).parse();
    number
        .map(Some)
        .map_err(|_| format!("{:?} is no amount of gas", plain(text)))
}

/// Tez with decimal places → wei.
fn wei(text: &str) -> Result<U256, String> {
    if text.is_empty() {
        return Ok(U256::ZERO);
    }
    let without = digits(text);
    let parsed = alloy_primitives::utils::parse_units(without.as_deref().unwrap_or(text), PLACES);
    let parsed = parsed.ok().filter(|amount| !amount.is_negative());
    parsed
        .map(|amount| amount.get_absolute())
        .ok_or_else(|| format!("{:?} is no amount of tez", plain(text)))
}

/// Arguments that are none: their fields, and why.
type Wrong = Vec<(String, String)>;

/// A call as the node's methods take it; the arguments that are none, by their place.
fn request(who: &Address, function: &Function, query: &Query) -> Result<Value, Wrong> {
    let call = call_of(function, query);
    match (call, gas(query.get("gas"))) {
        (Ok((input, value)), Ok(gas)) => {
            let mut request =
                json!({ "to": who, "data": hex_of(input), "value": format!("{value:#x}") });
            if let Some(gas) = gas {
                request["gas"] = json!(format!("{gas:#x}"));
            }
            Ok(request)
        }
        (call, gas) => {
            let mut wrong = call.err().unwrap_or_default();
            wrong.extend(gas.err().map(|why| ("gas".to_owned(), why)));
            Err(wrong)
        }
    }
}

/// The input of a call, and its value in wei; the arguments that are none, by their place.
fn call_of(function: &Function, query: &Query) -> Result<(Vec<u8>, U256), Wrong> {
    let (mut values, mut wrong) = (Vec::new(), Vec::new());
    for (place, param) in function.inputs.iter().enumerate() {
        let field = format!("a{place}");
        match typed(param, query.get(&field)) {
            Ok(value) => values.push(value),
            Err(why) => wrong.push((field, why)),
        }
    }
    let value = wei(query.get("value"));
    if let Err(why) = &value {
        wrong.push(("value".into(), why.clone()));
    }
    let input = match wrong.is_empty() {
        true => function
            .abi_encode_input(&values)
            .map_err(|error| error.to_string()),
        false => Err(String::new()),
    };
    match (input, value) {
        (Ok(input), Ok(value)) => Ok((input, value)),
        (Err(why), _) if !why.is_empty() => Err(vec![("f".into(), why)]),
        _ => Err(wrong),
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

    fn function(text: &str) -> Function {
        Function::parse(text).unwrap()
    }

    #[test]
    fn arguments_are_read_by_their_types() {
        let all = function(
            "function f(address a, int8 b, bytes4 c, bool d, string e, uint256[] f, (uint8,bool) g)",
        );
        let who = "0x1111111111111111111111111111111111111111";
        let query =
            format!("a0={who}&a1=-5&a2=0x01020304&a3=true&a4=%22hi%22&a5=[1,2]&a6=(3,false)");
        let (input, value) = call_of(&all, &Query::parse(&query)).unwrap();
        let decoded = all.abi_decode_input(&input[4..]).unwrap();
        assert_eq!(decoded[4], DynSolValue::String("\"hi\"".into()));
        assert_eq!(decoded.len(), 7);
        assert_eq!(value, U256::ZERO);
    }

    #[test]
    fn each_wrong_argument_is_named() {
        let all = function("function f(address a, uint8 b, bytes4 c, bool d) payable");
        let query = Query::parse("a0=0x11&a1=256&a2=0x0102&a3=perhaps&value=-1");
        let wrong = call_of(&all, &query).unwrap_err();
        let fields: Vec<&str> = wrong.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["a0", "a1", "a2", "a3", "value"]);
        let json = encoded(&Address::ZERO, &all, &query);
        assert!(json["wrong"]["a1"].as_str().unwrap().contains("256"));
    }

    #[test]
    fn numbers_that_the_pages_show_may_be_typed_again() {
        let all = function("function f(uint256 a, int64 b) payable");
        let query = Query::parse("a0=1,234,567&a1=-1,000&value=1,000.5&gas=21,000");
        let request = request(&Address::ZERO, &all, &query).unwrap();
        assert_eq!(request["gas"], "0x5208");
        assert_eq!(wei("1,000.5"), wei("1000.5"));
        let input = bytes(&request["data"]).unwrap();
        let decoded = all.abi_decode_input(&input[4..]).unwrap();
        assert_eq!(decoded[0], DynSolValue::Uint(U256::from(1_234_567), 256));
        for text in ["1,2", "1,2345", ",123", "1,,234", "12345,678"] {
            assert_eq!(digits(text), None, "{text}");
            let query = Query::parse(&format!("a0={text}&a1=1&gas={text}"));
            let wrong = super::request(&Address::ZERO, &all, &query).unwrap_err();
            assert_eq!(wrong.len(), 2, "{text}: {wrong:?}");
        }
        let list = function("function f(uint256[] a)");
        assert!(call_of(&list, &Query::parse("a0=[1,x]")).is_err());
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

    #[test]
    fn amounts_are_tez() {
        assert_eq!(wei("1.5"), Ok(U256::from(1_500_000_000_000_000_000_u64)));
        assert_eq!(wei(""), Ok(U256::ZERO));
        assert!(wei("x").is_err());
    }
}
