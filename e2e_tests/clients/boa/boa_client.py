"""titanoboa against the devnet: compile Vyper, deploy, write, read, events, reverts, anchors."""

import contextlib
import io
import json
import sys
import time
import traceback
from importlib.metadata import version

import boa
from eth_account import Account

URL = sys.argv[1]
SOURCE = """
# pragma version ~=0.4.0
number: public(uint256)

event Set:
    value: uint256

@external
def set_number(wanted: uint256):
    assert wanted != 13, "unlucky"
    self.number = wanted
    log Set(value=wanted)
"""
contract = None


def connection():
    boa.set_network_env(URL)
    # The first of the devnet's mnemonic.
    boa.env.add_account(Account.from_key("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"))
    assert boa.env.get_chain_id() == 1337


def deploys():
    global contract
    contract = boa.loads(SOURCE)
    assert contract.number() == 0


def writes_and_reads():
    contract.set_number(7)
    assert contract.number() == 7


def events():
    contract.set_number(8)
    assert [event.value for event in contract.get_logs()] == [8]


def reverts():
    with boa.reverts("unlucky"):
        contract.set_number(13)


def anchors():
    with boa.env.anchor():
        contract.set_number(9)
        assert contract.number() == 9
    assert contract.number() == 8


STEPS = [
    ("connection", connection),
    ("compile and deploy", deploys),
    ("write and read", writes_and_reads),
    ("events", events),
    ("reverts", reverts),
    ("anchors", anchors),
]

passed, failed = [], []
for name, step in STEPS:
    start = time.monotonic()
    try:
        # It tells of each transaction.
        with contextlib.redirect_stdout(io.StringIO()):
            step()
        passed.append({"name": name, "ms": round((time.monotonic() - start) * 1000)})
    except Exception as error:
        traceback.print_exc()
        failed.append({"name": name, "why": str(error)})
print(json.dumps({"client": "boa", "version": version("titanoboa"), "passed": passed, "failed": failed}))
sys.exit(1 if failed else 0)
