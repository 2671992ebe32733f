// Preloaded into Node in wine, whose connections fail when they are to be kept alive before they are made: fetch does that.
import { Socket } from "node:net";

Socket.prototype.setKeepAlive = function setKeepAlive() {
  return this;
};
