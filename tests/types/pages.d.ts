// What tests put into the window of a page that they drive.
interface Window {
  frames_: { event: string; data?: any; channel?: string }[];
  socket_: WebSocket;
}

// socket.io-client, where a test's page loads it as a classic script.
declare var io: typeof import("socket.io-client").io;
