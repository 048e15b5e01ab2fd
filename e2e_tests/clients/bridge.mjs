// ethers 6 and the bridge: tez and tokens go in from the devnet's layer 1, are spent on the rollup, and come out again.

import assert from "node:assert/strict";
import { Contract, ContractFactory, JsonRpcProvider, NonceManager, Wallet, dataSlice, decodeBase58, toBeHex } from "ethers";
import { KEYS, artifact, endpoint, run, version } from "./steps.mjs";

const NATIVE = "0xff00000000000000000000000000000000000001";
const FA = "0xff00000000000000000000000000000000000002";
const WEI_PER_MUTEZ = 10n ** 12n;

const http = new JsonRpcProvider(endpoint(), undefined, { cacheTimeout: -1, pollingInterval: 50 });
// Somebody who has nothing on the rollup yet.
const user = new NonceManager(Wallet.createRandom().connect(http));
const friend = Wallet.createRandom().connect(http);
const rich = new NonceManager(new Wallet(KEYS[0], http));
const native = new Contract(NATIVE, artifact("NativeBridge").abi, user);
const fa = new Contract(FA, artifact("FaBridge").abi, user);

const call = (method, ...params) => http.send(method, params);
const { accounts, contracts, token: ticket } = await call("rollup_layer1");
const [payer, receiver, provider] = accounts;
let token;

async function mutez(address) {
  return BigInt((await call("rollup_layer1Balance", address)).mutez);
}

async function tokens(address) {
  return BigInt((await call("rollup_layer1Balance", address)).tokens);
}

/** The 22 bytes of tz1… and KT1…. */
function contract(text) {
  // Prefix (3), hash (20), checksum (4).
  const hash = dataSlice(toBeHex(decodeBase58(text), 27), 3, 23).slice(2);
  return text.startsWith("KT1") ? `0x01${hash}00` : `0x0000${hash}`;
}

async function send(transaction) {
  const receipt = await (await transaction).wait();
  assert.equal(receipt.status, 1);
  return receipt;
}

/** The logs of a receipt that one of the bridges wrote. */
function events(receipt, bridge) {
  const logs = receipt.logs.filter((log) => log.address.toLowerCase() === bridge.target.toLowerCase());
  return logs.map((log) => bridge.interface.parseLog(log));
}

/** The newest withdrawal. */
async function last() {
  return (await call("rollup_withdrawals")).at(-1);
}

/** Lets time pass, then executes the newest withdrawal. */
async function settle() {
  await call("rollup_advanceLevels");
  const { outboxLevel, messageIndex, status } = await last();
  assert.equal(status, "executable");
  await call("rollup_executeOutboxMessage", outboxLevel, messageIndex);
  assert.equal((await last()).status, "executed");
}

await run("ethers and the bridge", version("ethers"), [
  ["deposit tez", async () => {
    const before = await mutez(payer);
    const { level, messageId } = await call("rollup_deposit", { receiver: await user.getAddress(), amount: "50000000" });
    assert.equal(await mutez(payer), before - 50_000_000n);
    assert.equal(await http.getBalance(user), 50_000_000n * WEI_PER_MUTEZ);
    const logs = await http.getLogs({ address: NATIVE, fromBlock: "earliest" });
    const { name, args } = native.interface.parseLog(logs.at(-1));
    const expected = ["Deposit", 50_000_000n * WEI_PER_MUTEZ, await user.getAddress(), BigInt(level), BigInt(messageId)];
    assert.deepEqual([name, ...args], expected);
  }],

  ["spend it on the rollup", async () => {
    await send(user.sendTransaction({ to: friend.address, value: 7n * 10n ** 18n }));
    assert.equal(await http.getBalance(friend.address), 7n * 10n ** 18n);
  }],

  ["withdraw tez", async () => {
    const [before, held] = [await mutez(receiver), await http.getBalance(user)];
    const value = 12_345_678n * WEI_PER_MUTEZ;
    const receipt = await send(native.withdraw_base58(receiver, { value }));
    const [{ name, args }] = events(receipt, native);
    assert.deepEqual([name, args.amount, args.receiver], ["Withdrawal", value, contract(receiver)]);
    assert.equal(await http.getBalance(user), held - value - receipt.fee);
    const { kind, amount, status, receiver: to } = await last();
    assert.deepEqual([kind, amount, to, status], ["native", "12345678", receiver, "inOutbox"]);
    const { outboxLevel, messageIndex } = await last();
    await assert.rejects(call("rollup_executeOutboxMessage", outboxLevel, messageIndex), /not cemented/);
    await settle();
    assert.equal(await mutez(receiver), before + 12_345_678n);
    await assert.rejects(call("rollup_executeOutboxMessage", outboxLevel, messageIndex), /executed at level/);
  }],

  ["refuse what cannot be withdrawn", async () => {
    const count = (await call("rollup_withdrawals")).length;
    for (const [target, value] of [[receiver, 0n], [receiver, WEI_PER_MUTEZ + 1n], ["tz1nobody", WEI_PER_MUTEZ]]) {
      await assert.rejects(native.withdraw_base58.staticCall(target, { value }), { code: "CALL_EXCEPTION" });
    }
    assert.equal((await call("rollup_withdrawals")).length, count);
  }],

  ["withdraw fast, paid early by a provider", async () => {
    const [before, early] = [await mutez(receiver), await mutez(provider)];
    const value = 3_000_000n * WEI_PER_MUTEZ;
    const receipt = await send(native.fast_withdraw_base58(receiver, contracts.fastWithdrawal, "0xcafe", { value }));
    assert.equal(events(receipt, native)[0].name, "FastWithdrawal");
    const { kind, outboxLevel, messageIndex } = await last();
    assert.equal(kind, "fast");
    await call("rollup_payOut", outboxLevel, messageIndex, provider);
    assert.equal(await mutez(receiver), before + 3_000_000n);
    assert.equal(await mutez(provider), early - 3_000_000n);
    await settle();
    assert.equal(await mutez(receiver), before + 3_000_000n);
    assert.equal(await mutez(provider), early);
  }],

  ["deposit tokens to their ERC-20", async () => {
    const { abi, bytecode } = artifact("TicketToken");
    token = await new ContractFactory(abi, bytecode, rich).deploy("Wrapped", "WRP", ticket.ticketHash);
    await token.waitForDeployment();
    const before = await tokens(payer);
    await call("rollup_depositTokens", { receiver: await user.getAddress(), proxy: token.target, amount: "700" });
    assert.equal(await tokens(payer), before - 700n);
    const [log] = (await http.getLogs({ address: FA, fromBlock: "earliest" })).slice(-1);
    const { name, args } = fa.interface.parseLog(log);
    assert.equal(name, "QueuedDeposit");
    await send(fa.claim(args.nonce));
    assert.equal(await token.balanceOf(user), 700n);
  }],

  ["withdraw tokens", async () => {
    await send(token.connect(user).transfer(friend.address, 100n));
    const before = await tokens(receiver);
    const routing = contract(receiver) + contract(contracts.tokenWrapper).slice(2);
    const receipt = await send(
      fa.withdraw(token.target, routing, 250n, contract(contracts.tokenWrapper), ticket.content),
    );
    assert.equal(events(receipt, fa)[0].name, "Withdrawal");
    assert.equal(await token.balanceOf(user), 350n);
    assert.equal((await last()).kind, "token");
    await settle();
    assert.equal(await tokens(receiver), before + 250n);
    const { tickets } = await call("rollup_layer1Balance", (await call("rollup_layer1")).rollup);
    assert.equal(tickets.find(({ ticketer }) => ticketer === contracts.tokenWrapper).amount, "450");
  }],

  ["force a transaction in", async () => {
    const raw = await friend.signTransaction(
      await friend.populateTransaction({ to: await user.getAddress(), value: 5n, gasLimit: 21_000n }),
    );
    const held = await http.getBalance(user);
    await call("rollup_sendDelayed", raw);
    assert.equal(await http.getBalance(user), held + 5n);
  }],
]);
