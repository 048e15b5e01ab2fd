// A deployment by Hardhat Ignition.

import { buildModule } from "@nomicfoundation/hardhat-ignition/modules";

export default buildModule("Counting", (m) => {
  const counter = m.contract("Counter");
  const set = m.call(counter, "set", [40n]);
  m.call(counter, "increment", [], { after: [set] });
  return { counter };
});
