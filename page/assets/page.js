// What the pages do beyond being read: new blocks as they come, forms that call the node, a wallet.
// Text from the node is only ever set as text.
"use strict";

const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

const count = (number) => BigInt(number).toLocaleString("en");

/** So many of what a word says. */
const many = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

let calls = 0;

/** A call of the node's JSON-RPC, at the page's own address. */
async function rpc(method, params) {
  const body = JSON.stringify({ jsonrpc: "2.0", id: ++calls, method, params });
  const asked = fetch("/", { method: "POST", headers: { "content-type": "application/json" }, body });
  const answer = await asked.catch(() => { throw new Error("The node does not answer: is it running?"); });
  const type = answer.headers.get("content-type") ?? "";
  if (!type.includes("json")) throw new Error(`${answer.status}: ${(await answer.text()).trim()}`);
  const { error, result } = await answer.json();
  if (error) throw Object.assign(new Error(error.message), { reverted: error.code === 3 && error.data });
  return result;
}

/** True if a button of the head is pressed. */
const pressed = (id) => one(id)?.getAttribute("aria-pressed") === "true";

const two = (number) => String(number).padStart(2, "0");

/** A time where the reader is, as long as one in UTC is. */
function local(at) {
  const ahead = -at.getTimezoneOffset();
  const minutes = Math.abs(ahead) % 60;
  const zone = `${ahead < 0 ? "−" : "+"}${two(Math.floor(Math.abs(ahead) / 60))}${minutes === 0 ? "" : `:${two(minutes)}`}`;
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())} ${zone}`;
}

/** Times: the reader's own for as long as the button is pressed; the other one on demand. */
function times(within = document) {
  const on = pressed("#local");
  for (const time of all("time[datetime]", within)) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.dataset.utc ??= time.textContent;
    time.textContent = on ? local(at) : time.dataset.utc;
    time.title = on ? time.dataset.utc : `${local(at)} (your time)`;
  }
}

/** Amounts: what they are exactly, for as long as the button is pressed. */
function exact(within = document) {
  const on = pressed("#exact");
  for (const amount of all("[data-exact]", within)) {
    amount.dataset.short ??= amount.textContent;
    amount.textContent = on ? amount.dataset.exact : amount.dataset.short;
  }
}

/** A button of the head that changes how all is shown, and is remembered. */
function switched(id, key, show) {
  const button = one(id);
  if (!button) return;
  const stored = () => { try { return localStorage.getItem(key); } catch { return null; } };
  button.hidden = false;
  button.setAttribute("aria-pressed", String(stored() === "true"));
  button.addEventListener("click", () => {
    const on = !pressed(id);
    button.setAttribute("aria-pressed", String(on));
    try { localStorage.setItem(key, String(on)); } catch { /* It is forgotten. */ }
    show();
  });
  show();
}

/** The newest blocks, as the node tells of them. At most twice a second, and not while
 * somebody stands in the table, or looks elsewhere. */
function live() {
  const table = one("table[data-live]");
  const rows = one("#rows");
  const status = one("#live");
  const pause = one("#pause");
  if (!table || !rows || !status) return;
  let paused = false;
  let newest = null;
  let due = false;
  let again = false;
  let busy = false;
  let wait = 500;
  let last = "";
  let said = Number(one("#facts")?.dataset.newest);
  let opened = false;
  const shown = () => !paused && !document.hidden && !rows.contains(document.activeElement);
  const update = async () => {
    if (busy || !due || !shown()) return;
    busy = true;
    due = false;
    try {
      const text = await (await fetch("/rows")).text();
      const parsed = new DOMParser().parseFromString(text, "text/html");
      const next = all("tbody > tr", parsed);
      // The node gives all viewers one text, which may be older than what it told this one: then it is asked
      // once more.
      const has = Number(one("#facts", parsed)?.dataset.newest);
      again = newest !== null && has !== newest && !again;
      if (again) due = true;
      else newest = has;
      if (next.length > 0 && shown()) {
        if (text !== last) rows.replaceChildren(...next);
        last = text;
        const facts = one("#facts");
        const told = one("#facts", parsed);
        if (facts && told && !facts.contains(document.activeElement)) facts.replaceChildren(...told.children);
        times();
        exact();
        if (has !== said) status.textContent = `Block ${has.toLocaleString("en")} is the newest.`;
        said = has;
      } else {
        due = true;
      }
    } catch {
      due = true;
    }
    setTimeout(() => { busy = false; update(); }, 500);
  };
  let socket = null;
  const open = () => {
    if (socket || document.hidden) return;
    socket = new WebSocket(location.origin.replace(/^http/, "ws"));
    socket.addEventListener("open", () => {
      wait = 500;
      socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_subscribe", params: ["newHeads"] }));
      status.textContent = "New blocks show up as they come.";
      lookNow();
      // There may be others, also older ones, since it answered last.
      if (opened) {
        newest = null;
        due = true;
        update();
      }
      opened = true;
    });
    socket.addEventListener("message", ({ data }) => {
      const number = JSON.parse(data).params?.result?.number;
      if (number === undefined) return;
      newest = parseInt(number, 16);
      due = true;
      update();
    });
    socket.addEventListener("close", () => {
      socket = null;
      // Who looks elsewhere is told nothing.
      if (document.hidden) return;
      status.textContent = "The node does not answer; trying again.";
      lookNow();
      setTimeout(open, wait);
      wait = Math.min(wait * 2, 30_000);
    });
  };
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    status.textContent = paused ? "Paused." : "New blocks show up as they come.";
    update();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      socket?.close();
    } else {
      due = true;
      open();
      update();
    }
  });
  rows.addEventListener("focusout", () => setTimeout(update, 0));
  // What waits changes without a block.
  setInterval(() => {
    due = true;
    if (socket?.readyState === WebSocket.OPEN) update();
  }, 3_000);
  open();
}

/** A transaction that waits: its page, once a block has it. */
function waiting() {
  const hash = one("[data-waits]")?.dataset.waits;
  if (!hash) return;
  setInterval(async () => {
    if (document.hidden) return;
    const receipt = await rpc("eth_getTransactionReceipt", [hash]).catch(() => null);
    if (receipt) location.reload();
  }, 1_000);
}

/** A decimal number with at most so many places, as a whole number of the smallest unit. */
function units(text, places) {
  const match = /^(\d+)(?:\.(\d+))?$/.exec(text.trim().replaceAll(",", ""));
  if (!match || (match[2] ?? "").length > places) throw new Error(`${text} is no amount with at most ${places} places`);
  return BigInt(match[1] + (match[2] ?? "").padEnd(places, "0"));
}

/** A whole number in decimal digits, as the pages show it or without commas. */
function whole(text) {
  const digits = text.replaceAll(",", "");
  if (!/^\d+$/.test(digits)) throw new Error(`${text} is no whole number`);
  return digits;
}

/** What is typed, as the node's methods take it. */
const WRITE = {
  quantity: (text) => `0x${BigInt(/^0x[\da-f]+$/i.test(text) ? text : whole(text)).toString(16)}`,
  number: (text) => Number(whole(text)),
  text: (text) => text,
  json: (text) => {
    try { return JSON.parse(text); } catch { throw new Error(`${text} is no JSON`); }
  },
  wei: (text) => `0x${units(text, 18).toString(16)}`,
  mutez: (text) => units(text, 6).toString(),
};

function params(form) {
  if (form.dataset.params) return JSON.parse(form.dataset.params);
  const list = [];
  let object;
  for (const input of all("[data-kind]", form)) {
    const text = input.value.trim();
    if (input.type !== "checkbox" && text === "") {
      if (input.dataset.field) continue;
      break;
    }
    const value = input.type === "checkbox" ? input.checked : WRITE[input.dataset.kind](text);
    if (input.dataset.field) {
      if (!object) list.push(object = {});
      object[input.dataset.field] = value;
    } else {
      list.push(value);
    }
  }
  return list;
}


/** An amount of mutez, in tez. */
function tez(mutez) {
  const digits = mutez.padStart(7, "0");
  return `${count(digits.slice(0, -6))}.${digits.slice(-6)}`.replace(/\.?0+$/, "");
}

/** Layer 1's words about the rollup's tickets, in tez where these are tez. */
const inTez = (text) => text.replace(/^\S+ has (\d+) tickets of \S+ and needs (\d+)$/, (_, has, needs) => `the rollup has ${tez(has)} tez on layer 1, and this takes ${tez(needs)} tez`);

/** The outcome of an operation of layer 1. */
function operated({ level, messageId, refused, waits, ran, kept }, what) {
  const place = messageId === undefined ? `at level ${count(level)}` : `as message ${count(messageId)} of level ${count(level)}`;
  if (refused !== undefined) throw new Error(`${what} ${place}, but the kernel refuses it: ${refused}`);
  if (waits !== undefined) return `${what} ${place}. The rollup waits: ${waits}`;
  if (kept) return `${what} ${place}. The bridge keeps it until somebody claims it.`;
  return `${what} ${place}${ran === false ? "; that level has not run yet" : ""}.`;
}

/** Answers of methods, in words. */
const SAID = {
  rollup_deposit: (result) => operated(result, "It was sent"),
  rollup_depositTokens: (result) => operated(result, "It was sent"),
  rollup_payOut: (result) => operated(result, "It was paid"),
  rollup_executeOutboxMessage: (result) => result.command ?? operated(result, "It was executed"),
  evm_increaseTime: (ahead) => `The clock is ${count(ahead)} s ahead now.`,
  evm_snapshot: (number) => `Its number is ${number}.`,
  evm_revert: (worked) => {
    if (!worked) throw new Error("There is no snapshot with that number any more: nothing changed.");
    return "The chain is as it was then.";
  },
  rollup_dispute: ({ id, level }) => `Dispute ${count(id)} about level ${count(level)} is being played.`,
  rollup_advanceLevels: ({ levels, level, cemented }) =>
    `${many(levels, "level")} ran; level ${count(level)} is the next. ${cemented === null ? "Nothing is cemented yet." : `Cemented up to level ${count(cemented)}.`}`,
};

function words(method, result) {
  if (SAID[method]) return SAID[method](result);
  if (result === null || result === true) return "Done.";
  if (result === false) throw new Error("Nothing changed.");
  return typeof result === "string" ? result : JSON.stringify(result);
}

/** The form of a list that is the same as another one. */
const same = (form, lists) => {
  const card = document.getElementById(form.closest("section[id]")?.id) ?? lists;
  return [card, all("form.rpc", card).find(({ dataset }) => dataset.method === form.dataset.method && dataset.params === form.dataset.params)];
};

/** True while a mouse's button or a finger is down: what is under it stays there. */
let down = false;
addEventListener("pointerdown", () => (down = true), true);
for (const ended of ["pointerup", "pointercancel"]) addEventListener(ended, () => setTimeout(() => (down = false)), true);

/** Lists are made anew one after the other. */
let made = Promise.resolve();
function refresh(form, unasked = false) {
  made = made.then(() => remade(form, unasked)).catch(() => {});
  return made;
}

/** The lists of this page as they are now; all that was answered in them stays where its button is, or was. What
 * nobody asked for is not done under who has gone there. */
async function remade(form, unasked) {
  const lists = one("#lists");
  if (!lists) return;
  const answer = await fetch(location.href).then((page) => page.text()).catch(() => (lookNow(), null));
  const parsed = answer && new DOMParser().parseFromString(answer, "text/html");
  for (let waits = 0; down && waits < 40; waits++) await new Promise((next) => setTimeout(next, 50));
  if (unasked && readOn(lists)) return;
  // The form's own answer comes last: another list may have been made while it was under way.
  const answered = all("form.rpc", lists).filter((old) => old !== form && one("output", old).textContent !== "");
  if (form) answered.push(form);
  for (const id of parsed ? ["#facts", "#lists"] : []) {
    const told = one(id, parsed);
    if (!told) continue;
    one(id)?.toggleAttribute("data-again", told.hasAttribute("data-again"));
    if (told.dataset.live) one(id).dataset.live = told.dataset.live;
    one(id)?.replaceChildren(...told.childNodes);
  }
  // Fields that say how things are.
  for (const told of parsed ? all("input[data-now]", parsed) : []) {
    const field = document.getElementById(told.id);
    if (!field || (unasked && field.closest("form")?.hasAttribute("data-touched"))) continue;
    Object.assign(field, { checked: told.checked, value: told.value });
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  if (parsed) {
    times();
    exact();
    forms(lists);
  }
  for (const old of answered.filter(({ isConnected }) => !isConnected)) {
    const [card, twin] = same(old, lists);
    const said = one("output", old);
    const place = twin ? one("output", twin) : card.appendChild(document.createElement("output"));
    place.className = said.className;
    place.textContent = said.textContent;
    if (old === form && document.activeElement === document.body) one("button", twin ?? card)?.focus({ preventScroll: true });
  }
}

/** The name of a contract's own error, which the node's words lack. */
async function reverted({ message, reverted: data }) {
  if (!data || data.length <= 2 || message !== "execution reverted") return "";
  const answer = await fetch(`/reverted?data=${data.slice(0, 2_000)}`);
  if (!answer.ok) return "";
  return `. ${one("p", new DOMParser().parseFromString(await answer.text(), "text/html")).textContent}`;
}

/** Forms that call a method, and show which call that is. */
function forms(within = document) {
  for (const form of all("form.rpc", within)) {
    const { method } = form.dataset;
    const call = one(".call code", form);
    const output = one("output", form);
    const tell = (how, text) => {
      output.className = how;
      output.textContent = text;
      // A list is made anew: who does not see it is told here.
      const said = form.closest("#lists") && one("#said");
      if (said) said.textContent = text;
    };
    const show = () => {
      try {
        call.textContent = `${method} ${JSON.stringify(params(form))}`;
      } catch {
        call.textContent = method;
      }
    };
    form.addEventListener("input", show);
    // What somebody has typed is not replaced by how things are.
    form.addEventListener("input", ({ isTrusted }) => isTrusted && form.setAttribute("data-touched", ""));
    show();
    // A second click while the first is under way does nothing.
    let busy = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (busy || (form.dataset.sure && !confirm(form.dataset.sure))) return;
      busy = true;
      // One answer at a time in what is made anew.
      for (const old of form.closest("#lists") ? all("#lists output") : []) old.replaceChildren();
      tell("", "…");
      try {
        const result = await rpc(method, params(form));
        busy = false;
        tell("worked", `✓ ${words(method, result)}`);
        if (method === "eth_sendTransaction") await sent(output, result);
      } catch (error) {
        const why = await reverted(error).catch(() => "");
        tell("failed", `✗ ${form.closest("[data-unit=tez]") ? inTez(error.message) : error.message}${why}`);
      }
      busy = false;
      form.removeAttribute("data-touched");
      await refresh(form);
    });
  }
}

/** True if somebody has gone into lists, or opened a part of them. */
const readOn = (lists) => lists.contains(document.activeElement) || one("details[open]", lists) !== null;

/** Lists that follow the chain, but not under who reads on in them. */
function followed() {
  // Others set these, and execute those, without a block.
  const changes = () => one("input[data-now], section.withdrawal");
  if (!one("#lists[data-live]") && !changes()) return;
  const look = async () => {
    const lists = one("#lists");
    if (changes()) {
      if (!document.hidden && !(lists.dataset.live && readOn(lists))) await refresh(null, true);
    } else if (!document.hidden && !readOn(lists)) {
      const newest = await rpc("eth_blockNumber", []).catch(() => lists.dataset.live);
      if (Number(newest) !== Number(lists.dataset.live)) await refresh(null, true);
    }
    setTimeout(look, 2_000);
  };
  look();
}

/** A transaction that was sent: a link, and what comes of it. */
async function sent(output, hash) {
  const to = document.createElement("a");
  to.href = `/tx/${encodeURIComponent(hash)}`;
  to.textContent = hash;
  const [done, became] = [document.createElement("span"), document.createElement("span")];
  done.className = "worked";
  done.textContent = "✓ Sent: ";
  became.textContent = ". It waits for a block.";
  output.className = "";
  output.replaceChildren(done, to, became);
  for (let tries = 0; tries < 120 && output.contains(to); tries++) {
    const receipt = await rpc("eth_getTransactionReceipt", [hash]).catch(() => null);
    if (receipt) {
      const place = `block ${count(receipt.blockNumber)}, with ${count(receipt.gasUsed)} gas`;
      const worked = receipt.status === "0x1";
      became.className = worked ? "worked" : "failed";
      became.textContent = worked ? `. ✓ It is done: ${place}.` : `. ✗ It failed: ${place}. The link says why.`;
      return;
    }
    await new Promise((next) => setTimeout(next, 500));
  }
}

/** The parts between brackets, with commas; null: they do not fit. */
function parts(text, [open, close]) {
  if (text.length < 2 || !text.startsWith(open) || !text.endsWith(close)) return null;
  const inside = text.slice(1, -1).trim();
  if (inside === "") return [];
  const found = [""];
  let depth = 0;
  for (const letter of inside) {
    if ("[(".includes(letter)) depth += 1;
    if ("])".includes(letter)) depth -= 1;
    if (depth < 0) return null;
    if (letter === "," && depth === 0) found.push("");
    else found[found.length - 1] += letter;
  }
  return depth === 0 ? found.map((part) => part.trim()) : null;
}

/** True if text is of a type of Solidity's, as far as can be said while somebody types. */
function fits(type, text) {
  // Commas and brackets may stand in quotes there: the node says.
  if (type.includes("string")) return true;
  const list = /^(.*)\[(\d*)\]$/.exec(type);
  if (list) {
    const items = parts(text, "[]");
    return items !== null && (list[2] === "" || items.length === Number(list[2])) && items.every((item) => fits(list[1], item));
  }
  if (type.startsWith("(")) {
    const [types, items] = [parts(type, "()"), parts(text, "()")];
    return items !== null && items.length === types.length && items.every((item, place) => fits(types[place], item));
  }
  const number = /^(u?)int(\d*)$/.exec(type);
  if (number) {
    if (!/^-?(\d[\d_]*|0x[\da-fA-F]+)$/.test(text)) return /^\d+(\.\d+)?(e\d+|\s*[a-z]+)$/.test(text);
    const negative = text.startsWith("-");
    const size = BigInt(number[2] || 256);
    const value = BigInt(text.replace("-", "").replaceAll("_", ""));
    if (number[1]) return !negative && value < 1n << size;
    return value < 1n << (size - 1n) || (negative && value === 1n << (size - 1n));
  }
  const bytes = /^bytes(\d+)$/.exec(type);
  if (bytes) return new RegExp(`^(0x)?[\\da-fA-F]{${2 * Number(bytes[1])}}$`).test(text);
  if (type === "bytes") return /^(0x)?([\da-fA-F]{2})*$/.test(text);
  if (type === "address") return /^0x[\da-fA-F]{40}$/.test(text);
  if (type === "bool") return text === "true" || text === "false";
  if (type === "tez") return /^\d+(\.\d{1,18})?$/.test(text);
  if (type === "gas") return /^\d+$/.test(text);
  return true;
}

/** A type in words. */
function looks(type) {
  const number = /^(u?)int(\d*)$/.exec(type);
  const bytes = /^bytes(\d+)$/.exec(type);
  if (number) return number[1] ? `a whole number from 0 to 2^${number[2] || 256} − 1` : `a whole number from −2^${(number[2] || 256) - 1} to 2^${(number[2] || 256) - 1} − 1`;
  if (bytes) return `0x and ${2 * Number(bytes[1])} hex digits`;
  if (type.endsWith("]")) return "values between [ and ], with commas: each must fit";
  if (type.startsWith("(")) return "values between ( and ), with commas: each must fit";
  const known = { address: "0x and 40 hex digits", bool: "true or false", bytes: "0x and pairs of hex digits", tez: "a number with at most 18 decimal places", gas: "a whole number" };
  return known[type] ?? "another value";
}

/** May stay empty. */
const EMPTY = ["string", "bytes", "tez", "gas"];

/** Says beside a field what is wrong with it. */
function say(input, why) {
  input.setAttribute("aria-invalid", String(why !== ""));
  const words = document.getElementById(input.getAttribute("aria-describedby"));
  const text = why && `✗ ${why}`;
  if (words && words.textContent !== text) words.textContent = text;
}

/** True if what is typed is of its type; `ready`: nothing more will be typed. */
function check(input, ready) {
  const { type } = input.dataset;
  let text = input.value.trim();
  // Numbers as the pages show them: with their thousands apart.
  if (/^(u?int\d*|tez|gas)$/.test(type) && /^-?\d{1,3}(,\d{3})+(\.\d+)?$/.test(text)) text = text.replaceAll(",", "");
  let why = "";
  if (text === "" && ready && !EMPTY.includes(type)) why = `It is missing: ${looks(type)}.`;
  else if (text !== "" && !fits(type, text)) why = `This is no ${type}: it is ${looks(type)}.`;
  say(input, why);
  return why === "";
}

/** True if a form can be used; goes to the first field that is wrong. */
function ready(inputs) {
  const wrong = inputs.filter((input) => !check(input, true));
  wrong[0]?.focus();
  return wrong.length === 0;
}

/** Sends a call: from an account that the devnet has, or by the browser's wallet. */
async function send(call) {
  const from = one("#sender").value;
  if (from !== "wallet") return rpc("eth_sendTransaction", [{ ...call, from }]);
  if (!window.ethereum) throw new Error("This browser has no wallet (EIP-1193).");
  const [account] = await window.ethereum.request({ method: "eth_requestAccounts" });
  return window.ethereum.request({ method: "eth_sendTransaction", params: [{ ...call, from: account }] });
}

/** The functions of a contract. */
function workbench() {
  for (const form of all("details.function form")) {
    const output = one("output", form);
    const inputs = all("[data-type]", form);
    for (const input of inputs) input.addEventListener("input", () => check(input, false));
    form.addEventListener("submit", (event) => {
      const from = one("#sender")?.value;
      if (!ready(inputs)) {
        event.preventDefault();
      } else if (from) {
        const field = document.createElement("input");
        Object.assign(field, { type: "hidden", name: "from", value: from });
        form.append(field);
      }
    });
    const write = one("button.write", form);
    if (!write) continue;
    write.hidden = false;
    // A second click while the first is under way sends nothing.
    let busy = false;
    write.addEventListener("click", async () => {
      if (busy) return;
      // What an earlier try came to is of another call.
      output.className = "";
      output.textContent = "";
      for (const old of all(":scope > .result, :scope > .failed", form.parentElement)) old.remove();
      if (!ready(inputs)) return;
      busy = true;
      output.textContent = "…";
      const query = new URLSearchParams(new FormData(form));
      try {
        query.set("encode", "1");
        const answer = await fetch(`${location.pathname}?${query}`);
        const { wrong, ...call } = await answer.json();
        if (wrong) {
          for (const input of inputs) say(input, wrong[input.name] ?? "");
          throw new Error(Object.values(wrong).join("; "));
        }
        const hash = await send(call);
        busy = false;
        await sent(output, hash);
        await saysNow().catch(() => {});
      } catch (error) {
        busy = false;
        output.className = "failed";
        output.textContent = `✗ ${error.message}`;
        if (error.reverted) await tried(form, query).catch(() => {});
      }
    });
  }
}

/** What a contract says of itself, as it is now. */
async function saysNow() {
  const shown = one("table.now");
  if (!shown) return;
  const query = new URLSearchParams(location.search);
  for (const name of [...query.keys()]) if (!["abi", "functions"].includes(name)) query.delete(name);
  const parsed = new DOMParser().parseFromString(await (await fetch(`${location.pathname}?${query}`)).text(), "text/html");
  const told = one("table.now", parsed);
  if (told) shown.replaceWith(told);
  exact();
}

/** Shows what a call that was refused gives when it is tried: its error by name. */
async function tried(form, query) {
  query.delete("encode");
  query.set("from", one("#sender").value);
  const parsed = new DOMParser().parseFromString(await (await fetch(`${location.pathname}?${query}`)).text(), "text/html");
  const result = one("details.function[open] .result", parsed);
  if (result) form.after(result);
}

/** Looks at once whether something is wrong with the node. */
let lookNow = () => {};

/** What is wrong with the node, on pages that stay open. */
function trouble() {
  const banner = one("#trouble");
  const look = async () => {
    if (document.hidden) return;
    let text = "";
    try {
      const { ready, trouble: why } = await (await fetch("/health")).json();
      if (!ready) text = `The node has trouble: ${why ?? "it has no block yet"}`;
    } catch {
      text = "The node does not answer.";
    }
    if (banner.textContent !== text) banner.textContent = text;
    banner.hidden = text === "";
  };
  lookNow = look;
  setInterval(look, 10_000);
}

/** Code as a compiler gives it, without what the node does not need. */
const code = (given) => (typeof given === "object" ? { object: given?.object, immutableReferences: given?.immutableReferences } : given);

/** The contracts of an artefact, with what of it the node takes: ABI, code and sources. */
function contracts(artefact, file) {
  const content = (sources) => Object.fromEntries(Object.entries(sources ?? {}).filter(([, { content }]) => content).map(([path, { content }]) => [path, content]));
  const { input, output } = artefact;
  if (output?.contracts) {
    const given = content(input?.sources);
    const inside = Object.entries(output.contracts).flatMap(([path, all]) => Object.entries(all).map(([own, contract]) => [path, own, contract]));
    return inside.filter(([, , { abi }]) => abi?.length > 0).map(([path, own, { abi, metadata, evm }]) => {
      let needed = [path];
      try { needed = Object.keys(JSON.parse(metadata).sources); } catch { /* Its own file, then. */ }
      return { own, artefact: { abi, deployedBytecode: code(evm?.deployedBytecode), sources: Object.fromEntries(needed.filter((name) => given[name]).map((name) => [name, given[name]])) } };
    });
  }
  const target = Object.values(artefact.metadata?.settings?.compilationTarget ?? {})[0];
  const own = artefact.contractName ?? artefact.contract ?? target ?? file.replace(/\.json$/, "");
  // What else tools write is not sent.
  const abi = artefact.abi ?? artefact;
  const { deployedBytecode, immutableReferences } = artefact;
  return [{ own, artefact: { abi, deployedBytecode: code(deployedBytecode), immutableReferences, sources: content(artefact.metadata?.sources) } }];
}

/** Artefacts that are dropped on the page, or chosen. */
function artefacts() {
  const form = one("#artefacts");
  if (!form) return;
  const output = one("output", form);
  const most = 64 << 20;
  const add = async (files) => {
    const said = [];
    const name = one("#artefact-name").value.trim();
    const address = one("#artefact-address").value.trim() || null;
    for (const file of files) {
      try {
        if (file.size > most) throw new Error("larger than 64 MiB");
        const all = contracts(JSON.parse(await file.text()), file.name);
        if (all.length === 0) throw new Error("it has no contract with an ABI");
        for (const { own, artefact } of all) {
          // A name or an address is of one contract.
          const [called, at] = all.length === 1 ? [name || own, address] : [own, own === name ? address : null];
          const added = await rpc("rollup_addAbi", [artefact, called, at]);
          const sources = added.sources > 0 ? `, ${many(added.sources, "file")} of sources` : "";
          const bytes = added.code ? `, ${count(added.code)} bytes of code` : "";
          said.push(`✓ ${added.name}: ${many(added.functions, "function")}, ${many(added.events, "event")}, ${many(added.errors, "error")}${bytes}${sources}`);
        }
      } catch (error) {
        said.push(`✗ ${file.name}: ${error.message}`);
      }
    }
    output.textContent = said.join("\n") || "Choose a file first.";
    output.className = said.some((line) => line.startsWith("✗")) ? "failed" : "worked";
    await refresh();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    add(one("#files").files);
  });
  const body = document.body;
  body.addEventListener("dragover", (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
  body.addEventListener("dragleave", () => form.classList.remove("over"));
  body.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    add(event.dataTransfer.files);
  });
}

/** What a link leads to is open. */
function opened() {
  let target = null;
  try {
    target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  } catch { /* A link with other percent signs leads nowhere. */ }
  if (target instanceof HTMLDetailsElement) target.open = true;
}

/** A dispute that is played, move by move. */
function played() {
  const busy = () => one("#lists[data-again]");
  const look = async () => {
    if (busy() && !document.hidden) {
      await refresh();
      // The list says what came of it.
      if (!busy()) one("form.rpc[data-method=rollup_dispute] output").textContent = "";
    }
    setTimeout(look, 1_000);
  };
  if (one("form.rpc[data-method=rollup_dispute]")) look();
}

switched("#local", "local-times", () => times());
switched("#exact", "exact-values", () => exact());
live();
waiting();
trouble();
forms();
followed();
workbench();
artefacts();
played();
opened();
