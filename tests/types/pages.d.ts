// What tests put into the window of a page that they drive.
interface Window {
  frames_: { event: string; data?: any; channel?: string }[];
  socket_: WebSocket;
}
