/**
 * Many open sockets in their own process. Each sends a message now and then and waits for its echo.
 *
 * The one argument is JSON: `url`, `sockets`, `every` (ms), `localAddress`. The process prints `open` when all sockets
 * are open. It stops on request, then prints the outcome of every message.
 */
import { WebSocket } from 'ws';

const { url, sockets, every, localAddress } = JSON.parse(process.argv[2]);
/** Concurrent handshakes. With more, this one process would receive late, which many real clients never do. */
const AT_ONCE = 100;
/** The longest random delay before a client reconnects after a restart, ms. */
const BACK_MS = 2000;
/** If no echo arrives for this long, the missing ones are lost, ms. */
const PATIENCE_MS = 15_000;
const AGAIN = -1;

const result = { said: 0, again: 0, restarted: 0, refused: 0, lost: 0, times: [], away: 0, bad: [] };
let stopped = false;
let lastCame = 0;
/** The local port is chosen here, because the kernel takes ever longer to find a free one. */
let nextPort = 10_000;
/** The number of handshakes in progress, and the sockets that wait for their turn. */
let shaking = 0;
const toShake = [];

class Speaker {
  #socket;
  #next = 0;
  /** Messages without an echo, and the time when each was sent, or AGAIN. */
  #waiting = new Map();
  #awaySince = 0;
  #timer;

  get waiting() {
    return this.#waiting.size;
  }

  /** Resolves when the socket is open. Retries after a refusal. */
  async open() {
    if (shaking >= AT_ONCE) await new Promise((resolve) => toShake.push(resolve));
    shaking += 1;
    const local = { localAddress, localPort: nextPort++ };
    this.#socket = new WebSocket(url, { ...local, perMessageDeflate: false });
    this.#socket.on('message', (data) => this.#onMessage(Number(data)));
    this.#socket.on('error', ({ message }) => {
      if (message.startsWith('Unexpected server response')) result.refused += 1;
    });
    return new Promise((resolve) => {
      let opened = false;
      this.#socket.on('open', () => {
        opened = true;
        isShaken();
        this.#onOpen();
        resolve();
      });
      this.#socket.on('close', (code) => {
        if (opened) this.#onClose(code);
        else isShaken();
        if (stopped) return resolve();
        setTimeout(() => resolve(this.open()), BACK_MS * Math.random());
      });
    });
  }

  start() {
    this.#timer = setTimeout(() => {
      this.#say();
      this.#timer = setInterval(() => this.#say(), every);
    }, every * Math.random());
  }

  silence() {
    clearInterval(this.#timer);
  }

  end() {
    result.lost += this.#waiting.size;
    this.#socket.terminate();
  }

  #say() {
    const number = this.#next++;
    const isOpen = this.#socket.readyState === WebSocket.OPEN;
    this.#waiting.set(number, isOpen ? performance.now() : AGAIN);
    result.said += 1;
    if (isOpen) this.#socket.send(String(number));
  }

  #onMessage(number) {
    lastCame = performance.now();
    const said = this.#waiting.get(number);
    if (!this.#waiting.delete(number)) result.bad.push(`${number} came back twice`);
    else if (said !== AGAIN) result.times.push(performance.now() - said);
  }

  #onOpen() {
    if (this.#awaySince > 0) result.away = Math.max(result.away, performance.now() - this.#awaySince);
    this.#awaySince = 0;
    for (const number of this.#waiting.keys()) this.#socket.send(String(number));
  }

  #onClose(code) {
    if (stopped) return;
    if (code === 1012) result.restarted += 1;
    else result.bad.push(`closed with ${code}`);
    for (const [number, said] of this.#waiting) {
      if (said !== AGAIN) result.again += 1;
      this.#waiting.set(number, AGAIN);
    }
    this.#awaySince = performance.now();
  }
}

/** A handshake has ended, so that the next one may begin. */
function isShaken() {
  shaking -= 1;
  toShake.shift()?.();
}

const speakers = Array.from({ length: sockets }, () => new Speaker());
await Promise.all(speakers.map((speaker) => speaker.open()));
process.send('open');
for (const speaker of speakers) speaker.start();

process.on('message', async () => {
  for (const speaker of speakers) speaker.silence();
  lastCame = performance.now();
  while (speakers.some(({ waiting }) => waiting > 0) && performance.now() - lastCame < PATIENCE_MS)
    await new Promise((resolve) => setTimeout(resolve, 50));
  stopped = true;
  for (const speaker of speakers) speaker.end();
  process.send({ result }, () => process.exit(0));
});
