// A deployment script, for `hardhat run`.

import { network } from "hardhat";

const { viem } = await network.create();
const counter = await viem.deployContract("Counter");
await counter.write.set([40n]);
console.log(`deployed ${counter.address} with ${await counter.read.number()}`);
