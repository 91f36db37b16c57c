/**
 * Many open sockets in a process of their own, each of which says something now and then and waits for it to come back.
 *
 * Told in its one argument, as JSON: `url`, `sockets`, `every` (ms), `localAddress`. Says `open` when all are, ends when it
 * is told to, and says then what became of every message.
 */
import { WebSocket } from 'ws';

const { url, sockets, every, localAddress } = JSON.parse(process.argv[2]);
/** So many handshakes at a time: more would keep this one process from hearing what comes, as a crowd of many never is. */
const AT_ONCE = 100;
/** Whoever was told to come back does so within this, ms. */
const BACK_MS = 2000;
/** When nothing has come back for so long, what has not is lost, ms. */
const PATIENCE_MS = 15_000;
const AGAIN = -1;

const result = { said: 0, again: 0, restarted: 0, refused: 0, lost: 0, times: [], away: 0, bad: [] };
let stopped = false;
let lastCame = 0;
/** Chosen here: the kernel takes ever longer to find one that is free. */
let nextPort = 10_000;
/** How many handshakes there are, and who waits for a place among them. */
let shaking = 0;
const toShake = [];

class Speaker {
  #socket;
  #next = 0;
  /** What has not come back, and when it was said, or AGAIN. */
  #waiting = new Map();
  #awaySince = 0;
  #timer;

  get waiting() {
    return this.#waiting.size;
  }

  /** Resolves when it is open; tries again when it is refused. */
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

/** A handshake is over, and the next one's turn comes. */
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
