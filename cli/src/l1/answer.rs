//! Answers of a devnet or a node: checked, and as lines for people.

use super::Command;
use serde_json::Value;

/// Spells out what a stranger's text could do to a terminal: control characters, and those that turn
/// or hide others.
pub(super) fn clean(value: &mut Value) {
    let spelled = |letter: char| match letter {
        '\'' | '"' | '\\' => letter.to_string(),
        // Lines of a trace.
        '\n' => letter.to_string(),
        letter => letter.escape_debug().to_string(),
    };
    match value {
        Value::String(text) => *text = text.chars().map(spelled).collect(),
        Value::Array(values) => values.iter_mut().for_each(clean),
        Value::Object(fields) => fields.values_mut().for_each(clean),
        _ => {}
    }
}

/// Returns `true` if the answer has what its lines are made of.
pub(super) fn is_complete(command: &Command, result: &Value) -> bool {
    let has = |keys: &[&str]| keys.iter().all(|key| result[key].is_u64());
    match command {
        Command::Deposit { .. }
        | Command::FaDeposit { .. }
        | Command::Delayed { .. }
        | Command::Govern { .. } => has(&["level", "messageId"]),
        Command::Execute { .. } => {
            result["command"].is_string() || result["status"].is_string() || has(&["level"])
        }
        Command::PayOut { .. } => has(&["level"]),
        Command::Advance { .. } => has(&["levels", "level"]),
        Command::Balance { .. } => result["mutez"].is_string(),
        Command::Withdrawals => result.is_array(),
        Command::Inbox { .. } | Command::Outbox { .. } => {
            result.is_null() || result.is_array() || result.is_object()
        }
        Command::Info | Command::Routing { .. } => result.is_object(),
    }
}

/// An answer for people.
pub(super) fn text(command: &Command, result: &Value) -> String {
    match command {
        Command::Deposit { .. }
        | Command::FaDeposit { .. }
        | Command::Delayed { .. }
        | Command::Govern { .. } => {
            let place = format!(
                "level {}, message {}\n",
                result["level"], result["messageId"]
            );
            match (result["refused"].as_str(), result["waits"].as_str()) {
                (Some(why), _) => format!("{place}the kernel refuses it: {why}\n"),
                (None, Some(why)) => format!("{place}done on layer 1; the rollup waits: {why}\n"),
                (None, None) if result["ran"] == false => {
                    format!("{place}the level has not run yet\n")
                }
                (None, None) if result["kept"] == true => match result["depositId"].as_str() {
                    Some(number) => format!(
                        "{place}it waits as deposit {number} of the bridge of tokens until somebody \
                         claims it (docs/bridge.md)\n"
                    ),
                    None => format!(
                        "{place}its receiver does not take it: the bridge keeps it until somebody \
                         claims it (docs/bridge.md)\n"
                    ),
                },
                (None, None) => place,
            }
        }
        // A node in front of a rollup cannot do it itself.
        Command::Execute { .. } if result["command"].is_string() => {
            format!("{}\n", result["command"].as_str().unwrap_or_default())
        }
        Command::Execute { .. } | Command::PayOut { .. } => {
            format!("done at level {}\n", result["level"])
        }
        Command::Advance { .. } => format!(
            "{} levels ran; at level {}\n",
            result["levels"], result["level"]
        ),
        Command::Balance { .. } => balance(result),
        Command::Withdrawals => match result.as_array() {
            Some(all) if !all.is_empty() => all.iter().map(withdrawal).collect(),
            _ => "none\n".to_owned(),
        },
        Command::Inbox { .. } if result.is_null() => {
            "none: the level has not run yet, or its inbox is no longer kept\n".to_owned()
        }
        Command::Inbox { .. }
        | Command::Outbox { .. }
        | Command::Info
        | Command::Routing { .. } => {
            format!("{result:#}\n")
        }
    }
}

fn balance(result: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut text = format!(
        "{} tez\n{} tokens\n",
        tez(&word(&result["mutez"])),
        word(&result["tokens"])
    );
    for ticket in result["tickets"].as_array().into_iter().flatten() {
        let (amount, ticketer) = (word(&ticket["amount"]), word(&ticket["ticketer"]));
        text += &format!("{amount} tickets of {ticketer}\n");
    }
    text
}

/// A line of `l1 withdrawals`: position, status, payment.
pub(super) fn withdrawal(one: &Value) -> String {
    let word = |key: &str| one[key].as_str().unwrap_or("?").to_owned();
    let place = match (&one["outboxLevel"], &one["number"]) {
        (Value::Null, number) => format!("queue {number}"),
        (level, _) => format!("level {level} index {}", one["messageIndex"]),
    };
    let amount = match one["kind"].as_str() {
        Some("token") => word("amount"),
        Some("other") => return format!("{place}  {}\n", word("status")),
        _ => format!("{} tez", tez(&word("amount"))),
    };
    let until = match &one["executableAt"] {
        Value::Null => String::new(),
        level if one["status"] == "cementing" => format!(" until level {level}"),
        _ => String::new(),
    };
    let (status, kind, receiver) = (word("status"), word("kind"), word("receiver"));
    format!("{place}  {status}{until}  {kind}  {amount}  {receiver}\n")
}

/// Mutez as tez.
pub(super) fn tez(mutez: &str) -> String {
    let padded = format!("{mutez:0>7}");
    let (whole, rest) = padded.split_at(padded.len() - 6);
    match rest.trim_end_matches('0') {
        "" => whole.to_owned(),
        rest => format!("{whole}.{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn answers_of_something_else_are_told() {
        let balance = Command::Balance {
            address: String::new(),
        };
        for result in [json!(null), json!([]), json!({}), json!({ "mutez": 1 })] {
            assert!(!is_complete(&balance, &result), "{result}");
            assert!(!is_complete(&Command::Advance { count: None }, &result));
        }
        assert!(is_complete(&balance, &json!({ "mutez": "1" })));
        assert!(!is_complete(&Command::Withdrawals, &json!(null)));
    }

    #[test]
    fn what_strangers_say_moves_no_cursor() {
        let mut answer = json!({ "error": { "message": "\u{1b}[2J\u{202e}it's \"so\"" } });
        clean(&mut answer);
        assert_eq!(answer["error"]["message"], "\\u{1b}[2J\\u{202e}it's \"so\"");
    }

    #[test]
    fn a_withdrawal_is_a_line() {
        let one = json!({
            "status": "cementing", "executableAt": 21, "outboxLevel": 3, "messageIndex": 0,
            "kind": "native", "amount": "1500000", "receiver": "tz1…",
        });
        let line = "level 3 index 0  cementing until level 21  native  1.5 tez  tz1…\n";
        assert_eq!(withdrawal(&one), line);
        let mut executed = one;
        executed["status"] = json!("executed");
        assert_eq!(
            withdrawal(&executed),
            line.replace("cementing until level 21", "executed")
        );
        let queued = json!({ "status": "queued", "number": 7, "kind": "other" });
        assert_eq!(withdrawal(&queued), "queue 7  queued\n");
    }
}
