// The Engine.IO protocol suite, version 4.

import { protocolSuite } from "./protocol-suite.mjs";

export const { missing, prepare, run } = protocolSuite("engine.io-protocol/v4-test-suite");
