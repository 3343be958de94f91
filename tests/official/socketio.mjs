// The Socket.IO protocol suite, version 5.

import { protocolSuite } from "./protocol-suite.mjs";

export const { missing, prepare, run } = protocolSuite("socket.io-protocol/v5-test-suite");
