"""The contracts of layer 1 in PyTezos' interpreter: every call that the project's own evaluator recorded
(`michelson/tests/calls.jsonl`), operations, storage and refusals compared."""

import json
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from pytezos.michelson.parse import michelson_to_micheline
from pytezos.michelson.repl import Interpreter
from pytezos.michelson.forge import forge_address

ROOT = Path(__file__).parents[3]


def without_big_maps(node):
    """PyTezos takes no entries of a big map with the storage, but those of a map."""
    if isinstance(node, list):
        return [without_big_maps(item) for item in node]
    if "prim" not in node:
        return node
    prim = "map" if node["prim"] == "big_map" else node["prim"]
    return {**node, "prim": prim, **({"args": without_big_maps(node["args"])} if "args" in node else {})}


SCRIPTS = {
    path.stem: without_big_maps(michelson_to_micheline(path.read_text()))
    for path in (ROOT / "contracts/layer1").glob("*.tz")
}

# PyTezos takes any address for a contract of any type: what is not there is not noticed.
NOT_NOTICED = {"NOT_A_ROLLUP", "NO_CALLBACK", "NO_RECEIVER", "NO_EXCHANGER", "NOT_A_TOKEN", "NO_WITHDRAW"}
# Its mutez do not end at 63 bits in a product; the record has the evaluator's own word.
OTHER_WORDS = {"a sum overflows"}


def plain(node):
    """Nested pairs, as the record has them."""
    if isinstance(node, list):
        return [plain(item) for item in node]
    if node.get("prim") == "Pair" and len(node["args"]) > 2:
        first, *rest = node["args"]
        return plain({"prim": "Pair", "args": [first, {"prim": "Pair", "args": rest}]})
    if "args" in node:
        return {**node, "args": [plain(item) for item in node["args"]]}
    text = node.get("string", "")
    if text[:3] in ("KT1", "tz1", "sr1"):
        return {"bytes": forge_address(text).hex()}
    # PyTezos forgets the entrypoint of an address that is data.
    if len(node.get("bytes", "")) > 44 and node["bytes"][:2] == "01" and node["bytes"][42:44] == "00":
        return {"bytes": node["bytes"][:44]}
    return node


def run(record):
    script = SCRIPTS[record["script"]]
    operations, storage, _, _, error = Interpreter.run_code(
        parameter=record["argument"],
        storage=record["storage"],
        script=script,
        entrypoint=record["entrypoint"],
        output_mode="legacy_optimized",
        amount=int(record["amount"]),
        chain_id=record["chain_id"],
        sender=record["sender"],
        address=record["own"],
        now=record["now"],
    )
    if error is not None:
        return {"fails": error.args[-1].strip("'")}
    calls = [
        {
            "destination": call["destination"]
            + ("" if call["parameters"]["entrypoint"] == "default" else "%" + call["parameters"]["entrypoint"]),
            "amount": call["amount"],
            "parameter": plain(call["parameters"]["value"]),
        }
        for call in operations
    ]
    return {"operations": calls, "storage": plain(storage)}


def compare(record):
    expected = record["gives"]
    if expected.get("fails") in NOT_NOTICED | OTHER_WORDS:
        return None
    given = run(record)
    if "operations" in expected:
        for call in expected["operations"]:
            call["parameter"] = plain(call["parameter"])
            if record["script"] == "exchanger":
                call["destination"] = call["destination"].split("%")[0]
        expected["storage"] = plain(expected["storage"])
    assert given == expected, f"{json.dumps(given)[:600]} instead of {json.dumps(expected)[:600]}"
    return True


def main():
    passed, failed, left_out = Counter(), [], 0
    for line in (ROOT / "michelson/tests/calls.jsonl").read_text().splitlines():
        record = json.loads(line)
        name = f"{record['script']} %{record['entrypoint']}"
        try:
            if compare(record) is None:
                left_out += 1
            else:
                passed[name] += 1
        except Exception as error:  # each call is a step of its own
            failed.append({"name": name, "why": f"{type(error).__name__}: {error}"})
            print(name, record["gives"].get("fails"), repr(error)[:900], file=sys.stderr)
    steps = [{"name": f"{name} ({count} calls)"} for name, count in sorted(passed.items())]
    print(f"{left_out} calls left out: PyTezos does not see who is there", file=sys.stderr)
    print(json.dumps({"version": version("pytezos"), "passed": steps, "failed": failed}))
    return 1 if failed else 0


sys.exit(main())
