"""web3.py 8 against the devnet: deploy, write, read, filters, subscriptions, batches, every type of transaction."""

import asyncio
import json
import sys
import time
import traceback
from importlib.metadata import version
from pathlib import Path

from eth_account import Account
from web3 import AsyncWeb3, Web3, WebSocketProvider
from web3.exceptions import ContractCustomError, ContractLogicError, ContractPanicError, Web3RPCError
from web3.middleware import SignAndSendRawMiddlewareBuilder
from web3.utils.subscriptions import LogsSubscription, NewHeadsSubscription, PendingTxSubscription

URL = sys.argv[1]
ARTIFACTS = Path(__file__).parents[3] / "solidity_fixtures" / "artifacts"
MOST = 1_000_000

w3 = Web3(Web3.HTTPProvider(URL))
# The first of the devnet's mnemonic.
me = Account.from_key("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
someone = Account.create().address
w3.middleware_onion.inject(SignAndSendRawMiddlewareBuilder.build(me), layer=0)
w3.eth.default_account = me.address
counter = None


def artifact(name):
    return json.loads((ARTIFACTS / f"{name}.json").read_text())


def mined(transaction_hash):
    receipt = w3.eth.wait_for_transaction_receipt(transaction_hash, timeout=10, poll_latency=0.05)
    assert receipt["status"] == 1, receipt
    return receipt


def deploy(name, *arguments):
    built = artifact(name)
    receipt = mined(w3.eth.contract(abi=built["abi"], bytecode=built["bytecode"]).constructor(*arguments).transact())
    return w3.eth.contract(address=receipt["contractAddress"], abi=built["abi"])


def raises(kind, function):
    try:
        function()
    except kind as error:
        return error
    raise AssertionError(f"no {kind}")


def signed(**fields):
    nonce = w3.eth.get_transaction_count(me.address, "pending")
    transaction = {"to": someone, "value": 1, "gas": 100_000, "nonce": nonce, "chainId": w3.eth.chain_id, **fields}
    return me.sign_transaction(transaction).raw_transaction


def network():
    assert w3.is_connected() and w3.eth.chain_id == int(w3.net.version)
    assert w3.eth.get_balance(me.address) > Web3.to_wei(9_000, "ether")
    assert me.address in w3.eth.accounts
    assert w3.eth.gas_price > 0 and w3.eth.max_priority_fee >= 0
    assert w3.eth.syncing is False
    history = w3.eth.fee_history(2, "latest", [10, 90])
    assert len(history["baseFeePerGas"]) == len(history["gasUsedRatio"]) + 1
    assert w3.client_version


def deploy_counter():
    global counter
    counter = deploy("Counter")
    assert w3.eth.get_code(counter.address).to_0x_hex() == artifact("Counter")["deployedBytecode"]


def write_and_read():
    receipt = mined(counter.functions.increment().transact())
    [event] = counter.events.Incremented().process_receipt(receipt)
    assert (event["args"]["by"], event["args"]["number"]) == (me.address, 1)
    assert counter.functions.number().call() == 1
    assert counter.functions.number().call(block_identifier=receipt["blockNumber"] - 1) == 0
    assert int.from_bytes(w3.eth.get_storage_at(counter.address, 0)) == 1
    mined(counter.functions.set(20).transact())
    assert [log["args"]["to"] for log in counter.events.Set().get_logs(from_block=0)] == [20]
    assert w3.eth.call({"to": counter.address, "data": "0x8381f58a"}) == (20).to_bytes(32)


def errors():
    large = raises(ContractCustomError, lambda: counter.functions.set(MOST + 1).call())
    assert large.data.startswith("0x677fd0e3"), large
    mined(counter.functions.set(0).transact())
    reason = raises(ContractLogicError, lambda: counter.functions.decrement().call())
    assert "already zero" in str(reason)
    raises(ContractPanicError, lambda: counter.functions.divide(0).call())
    raises(ContractLogicError, lambda: counter.functions.decrement().estimate_gas())
    raises(Web3RPCError, lambda: w3.eth.send_raw_transaction(signed(nonce=0, gasPrice=w3.eth.gas_price)))


def every_type():
    price = w3.eth.gas_price * 2
    keys = [{"address": counter.address, "storageKeys": ["0x" + "00" * 32]}]
    fees = {"maxFeePerGas": price, "maxPriorityFeePerGas": 1}
    kinds = [{"gasPrice": price}, {"gasPrice": price, "accessList": keys, "type": 1}, {**fees, "accessList": keys, "type": 2}]
    for kind, fields in enumerate(kinds):
        receipt = mined(w3.eth.send_raw_transaction(signed(**fields)))
        assert receipt["type"] == kind, receipt
        assert w3.eth.get_transaction(receipt["transactionHash"])["type"] == kind
    delegator = Account.create()
    authorization = delegator.sign_authorization({"chainId": w3.eth.chain_id, "address": counter.address, "nonce": 0})
    data = counter.encode_abi("increment")
    raw = signed(to=delegator.address, value=0, data=data, authorizationList=[authorization], **fees)
    receipt = mined(w3.eth.send_raw_transaction(raw))
    assert receipt["type"] == 4 and len(receipt["logs"]) == 1
    assert w3.eth.get_code(delegator.address).hex() == "ef0100" + counter.address[2:].lower()


def blocks():
    receipt = mined(counter.functions.increment().transact())
    block = w3.eth.get_block(receipt["blockNumber"], full_transactions=True)
    assert block["hash"] == receipt["blockHash"]
    assert block["transactions"][receipt["transactionIndex"]]["hash"] == receipt["transactionHash"]
    assert w3.eth.get_block_transaction_count(block["hash"]) == len(block["transactions"])
    assert w3.eth.get_transaction_by_block(block["number"], 0)["hash"] == block["transactions"][0]["hash"]
    assert w3.eth.get_block_receipts(block["number"])[0]["transactionHash"] == block["transactions"][0]["hash"]
    assert w3.eth.get_raw_transaction(receipt["transactionHash"])[0] == 2
    for tag in ("latest", "pending", "safe", "finalized", "earliest"):
        assert w3.eth.get_block(tag)["number"] is None or w3.eth.get_block(tag)["number"] >= 0


def overrides_and_access_lists():
    slot = {counter.address: {"stateDiff": {"0x" + "00" * 32: "0x" + (88).to_bytes(32).hex()}}}
    assert counter.functions.number().call(state_override=slot) == 88
    data = counter.encode_abi("increment")
    found = w3.eth.create_access_list({"from": me.address, "to": counter.address, "data": data})
    assert [entry["address"] for entry in found["accessList"]] == [counter.address]


def filters():
    events = counter.events.Set.create_filter(from_block="latest")
    raw = w3.eth.filter({"address": counter.address})
    heads = w3.eth.filter("latest")
    pending = w3.eth.filter("pending")
    receipt = mined(counter.functions.set(31).transact())
    assert [log["args"]["to"] for log in events.get_new_entries()] == [31]
    assert events.get_new_entries() == []
    assert [log["transactionHash"] for log in raw.get_new_entries()] == [receipt["transactionHash"]]
    assert receipt["blockHash"] in heads.get_new_entries()
    assert receipt["transactionHash"] in pending.get_new_entries()
    mined(counter.functions.increment().transact())
    assert events.get_new_entries() == [] and len(raw.get_new_entries()) == 1
    everything = counter.events.Set.create_filter(from_block=0)
    assert 31 in [log["args"]["to"] for log in everything.get_all_entries()]
    mine = counter.events.Set.create_filter(from_block=0, argument_filters={"by": someone})
    assert mine.get_all_entries() == []
    for name in (events, raw, heads, pending, everything, mine):
        assert w3.eth.uninstall_filter(name.filter_id) is True
    raises(Web3RPCError, raw.get_new_entries)


def node_accounts():
    plain = Web3(Web3.HTTPProvider(URL))
    second = plain.eth.accounts[1]
    receipt = mined(plain.eth.send_transaction({"from": second, "to": someone, "value": 5}))
    assert receipt["from"] == second and receipt["gasUsed"] == 21_000
    signature = plain.eth.sign(second, text="hello")
    from eth_account.messages import encode_defunct
    assert Account.recover_message(encode_defunct(text="hello"), signature=signature) == second


def batches():
    with w3.batch_requests() as batch:
        for number in range(4):
            batch.add(w3.eth.get_block(number))
        batch.add(counter.functions.number())
        answers = batch.execute()
    assert [block["number"] for block in answers[:4]] == [0, 1, 2, 3]
    assert answers[4] == counter.functions.number().call()


def many_at_once():
    start = w3.eth.get_transaction_count(me.address, "pending")
    price = w3.eth.gas_price * 2
    hashes = [w3.eth.send_raw_transaction(signed(nonce=start + offset, gasPrice=price)) for offset in reversed(range(15))]
    assert {mined(each)["status"] for each in hashes} == {1}
    assert w3.eth.get_transaction_count(me.address) == start + 15


def tokens():
    token = deploy("Erc20", 1_000)
    mined(token.functions.transfer(someone, 400).transact())
    assert token.functions.balanceOf(someone).call() == 400
    raises(ContractCustomError, lambda: token.functions.transfer(someone, 601).call())


async def subscriptions():
    seen = {}
    done = asyncio.Event()

    def handler(kind):
        async def note(context):
            seen.setdefault(kind, context.result)
            if len(seen) == 3:
                done.set()
        return note

    async with AsyncWeb3(WebSocketProvider(URL.replace("http://", "ws://"))) as socket:
        manager = socket.subscription_manager
        await manager.subscribe([
            NewHeadsSubscription(handler=handler("head")),
            PendingTxSubscription(handler=handler("pending")),
            LogsSubscription(address=counter.address, topics=[counter.events.Set().topic], handler=handler("log")),
        ])
        listening = asyncio.create_task(manager.handle_subscriptions(run_forever=True))
        receipt = await asyncio.to_thread(lambda: mined(counter.functions.set(64).transact()))
        await asyncio.wait_for(done.wait(), 10)
        listening.cancel()
        await manager.unsubscribe_all()
    assert seen["log"]["transactionHash"] == receipt["transactionHash"]
    assert seen["head"]["number"] == receipt["blockNumber"]
    assert seen["pending"] == receipt["transactionHash"]


async def asynchronous():
    client = AsyncWeb3(AsyncWeb3.AsyncHTTPProvider(URL))
    numbers = await asyncio.gather(*(client.eth.get_block(number) for number in range(4)))
    assert [block["number"] for block in numbers] == [0, 1, 2, 3]
    await client.provider.disconnect()


STEPS = [
    ("network and fees", network), ("deploy", deploy_counter), ("write and read", write_and_read), ("errors", errors),
    ("legacy, 2930, 1559, 7702", every_type), ("blocks", blocks), ("overrides, access lists", overrides_and_access_lists),
    ("filters", filters), ("the node's accounts", node_accounts), ("batches", batches), ("many at once", many_at_once),
    ("ERC-20", tokens), ("subscriptions over WebSocket", lambda: asyncio.run(subscriptions())),
    ("AsyncWeb3", lambda: asyncio.run(asynchronous())),
]

passed, failed = [], []
for name, step in STEPS:
    start = time.monotonic()
    try:
        step()
        passed.append({"name": name, "ms": round(1000 * (time.monotonic() - start))})
    except Exception as error:
        print(f"web3.py: {name}: {traceback.format_exc()}", file=sys.stderr)
        failed.append({"name": name, "why": f"{type(error).__name__}: {error}"})
print(json.dumps({"client": "web3.py", "version": version("web3"), "passed": passed, "failed": failed}))
sys.exit(1 if failed else 0)
