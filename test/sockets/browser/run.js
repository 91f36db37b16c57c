/**
 * `npm run test:browser`: users chat in a real browser, over two workers and through a reload, without a lost message.
 *
 * The exit code is 1 if a message is lost, or if there is no Chromium.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { Chat } from './chat.js';
import { Page } from './page.js';

const BROWSERS = ['chromium', 'chromium-browser', 'google-chrome'];
const PEOPLE = ['Ann', 'Ben', 'Cem', 'Dea'];
/** The number and the interval (ms) of messages during the reload. */
const SAID = 40;
const EVERY = 75;
const CHATS = [
  { name: 'chat-ws', flags: [] },
  { name: 'chat-socket-io', flags: ['--affinity', 'query:sid'] },
];

/** The browser: CHROMIUM, or the first one in PATH. */
function browserPath() {
  const folders = process.env.PATH.split(path.delimiter);
  const { CHROMIUM } = process.env;
  const places =
    CHROMIUM === undefined
      ? BROWSERS.flatMap((name) => folders.map((folder) => path.join(folder, name)))
      : [path.resolve(CHROMIUM)];
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  console.error(
    `No Chromium: there is no ${CHROMIUM ?? `${BROWSERS.join(', ')} in PATH`}. Install one (apt-get install chromium), or name it in CHROMIUM.`,
  );
  return process.exit(1);
}

/** Resolves when every page shows every line once, and none as unsent. */
async function allSee(pages, lines) {
  for (const page of pages) await page.sees(lines);
}

async function trial(browser, { name, flags }) {
  const chat = await Chat.start(name, flags);
  try {
    const pages = await Promise.all(PEOPLE.map((person) => Page.open(browser, person, chat.url)));
    const lines = [];
    const says = async (page, text) => {
      lines.push(`${page.person}: ${text}`);
      await page.says(lines.at(-1));
    };
    for (const page of pages) await says(page, 'hello');
    await allSee(pages, lines);
    const before = pages.map(({ sockets }) => sockets);
    const reloaded = chat.reload();
    for (let i = 0; i < SAID; i++) {
      await says(pages[i % pages.length], `meanwhile ${i}`);
      await wait(EVERY);
    }
    await reloaded;
    for (const page of pages) await page.isBack(before[pages.indexOf(page)]);
    for (const page of pages) await says(page, 'still here');
    await allSee(pages, lines);
    for (const page of pages) await page.wasNeverLeft();
    console.log(`ok     ${name}: ${PEOPLE.length} people saw ${lines.length} lines each, through a reload`);
  } catch (error) {
    console.log(`FAILED ${name}: ${error.message}\n${chat.log}`);
    process.exitCode = 1;
  } finally {
    await chat.end();
  }
}

const browser = await chromium.launch({ executablePath: browserPath(), args: ['--no-sandbox'] });
for (const chat of CHATS) await trial(browser, chat);
await browser.close();
