"""ape against the devnet, as its local network: accounts, deploy, write, read, transfers, reverts, blocks."""

import json
import os
import sys
import tempfile
import time
import traceback
from importlib.metadata import version
from pathlib import Path

URL = sys.argv[1]
ARTIFACTS = Path(__file__).parents[3] / "solidity_fixtures" / "artifacts"
# A project of its own: ape writes beside it.
os.chdir(tempfile.mkdtemp())

import ape
from ape import accounts, chain, networks
from ape.contracts import ContractContainer
from ethpm_types import ContractType

built = json.loads((ARTIFACTS / "Counter.json").read_text())
kind = {"contractName": "Counter", "abi": built["abi"], "deploymentBytecode": {"bytecode": built["bytecode"]}}
counter = None


def me():
    return accounts.test_accounts[0]


def connection():
    assert networks.provider.chain_id == 1337
    assert networks.provider.client_version.startswith("anvil/")
    assert me().balance > 9_000 * 10**18


def deploys():
    global counter
    # With the gas of a block, as ape asks for on local networks.
    counter = me().deploy(ContractContainer(ContractType.model_validate(kind)))
    assert counter.number() == 0


def writes_and_reads():
    receipt = counter.increment(sender=me())
    assert receipt.status == 1
    assert counter.number() == 1


def transfers():
    other = accounts.test_accounts[1]
    before = other.balance
    receipt = me().transfer(other, "1 ether")
    assert receipt.status == 1
    assert other.balance == before + 10**18


def reverts():
    with ape.reverts():
        me().call(networks.provider.network.ecosystem.create_transaction(receiver=counter.address, data=b"\x01\x02\x03\x04"))


def blocks():
    head = chain.blocks.head
    assert head.number == chain.blocks.height
    assert [block.number for block in chain.blocks.range(0, 3)] == [0, 1, 2]
    assert head.timestamp <= time.time() + 1


STEPS = [
    ("connection", connection),
    ("deploy", deploys),
    ("write and read", writes_and_reads),
    ("transfer", transfers),
    ("reverts", reverts),
    ("blocks", blocks),
]

passed, failed = [], []
with networks.parse_network_choice(f"ethereum:local:{URL}"):
    for name, step in STEPS:
        start = time.monotonic()
        try:
            step()
            passed.append({"name": name, "ms": round((time.monotonic() - start) * 1000)})
        except Exception as error:
            traceback.print_exc()
            failed.append({"name": name, "why": str(error)})
print(json.dumps({"client": "ape", "version": version("eth-ape"), "passed": passed, "failed": failed}))
sys.exit(1 if failed else 0)
