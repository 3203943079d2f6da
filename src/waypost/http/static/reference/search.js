// The search page: ranks the entries of search.json, [kind, title, href, text] each, for the words in the box.
'use strict';

const MOST = 50;
const FEW = 5; // results: with fewer, the words of the guides are searched, too
const METHOD = /^([A-Z]+) (?=\/)/; // before the path of a call
const WAIT_AFTER_KEY_MS = 80;
const KINDS = { operation: 'Calls', guide: 'Guides', field: 'Fields', code: 'Error codes', 'field code': 'Field codes', 'failure code': 'Failure codes', event: 'Events', status: 'Statuses', setting: 'Settings', 'deprecated call': 'Deprecated calls' };
const ORDER = Object.keys(KINDS);
// Words of a question that say nothing about what is looked for.
const SMALL = new Set('a an and are be can do does for from how i in is it my of on or that the to what when where which why with'.split(' '));
// How good a match is, best first.
const EXACT = 0;
const PREFIX = 1;
const WORD_STARTS = 2;
const SUBSTRING = 3;

const place = document.querySelector('#search');
const box = place.querySelector('input[name=q]');
const boxes = [...document.querySelectorAll('.find input[name=q]')]; // the header's too
const count = place.querySelector('[data-part=count]');
const results = place.querySelector('[data-part=results]');
let index = [];
let guides = []; // words of all sections, once they are needed
let areGuidesAsked = false;

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** One spelling for matching: no case, no accents, American, any id in a path as {}. */
function folded(text) {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
    .replaceAll('cancell', 'cancel').replace(/fulfilment/g, 'fulfillment')
    .replace(/\/(\{[^}]*\}|\d+)(?=[/\s]|$)/g, '/{}');
}

const parted = (text) => text.replace(/([a-z\d])([A-Z])/g, '$1 $2');

function prepared([kind, title, href, text, more = '']) {
  const all = `${title} ${parted(title)} ${text} ${parted(text)} ${more} ${parted(more)}`;
  const handle = folded(decodeURIComponent(href.split(/[/#]/).at(-1)));
  return {
    kind, title, href, text, handle,
    name: folded(title),
    paths: folded(text).split(/[\s:]+/).filter((word) => word.startsWith('/')),
    head: folded(`${title} ${parted(title)} ${handle} ${more}`),
    all: folded(all),
  };
}

/** The words of a query. A URL is cut to its path. */
function query(text) {
  return folded(text.trim().replace(/https?:\/\/[^/\s]+/g, '').replace(/(\/\S+)\?\S*/g, '$1'));
}

const startsWord = (text, word) => new RegExp(`(^|[^\\p{L}\\p{N}])${word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`, 'u').test(text);

/** The rank of an entry, smaller is better, or null. */
function rank(entry, whole, words) {
  if (!words.every((word) => entry.all.includes(word))) return null;
  const targets = [entry.name, entry.handle, ...entry.paths];
  const path = words.find((word) => word.startsWith('/'));
  const wanted = path && words.length === 2 ? [whole, path] : [whole]; // "PATCH /orders/{}"
  const tier = wanted.some((one) => targets.includes(one)) ? EXACT
    : targets.some((one) => one.startsWith(whole)) ? PREFIX
      : words.every((word) => startsWord(entry.all, word)) ? WORD_STARTS
        : SUBSTRING;
  const outside = words.filter((word) => !entry.head.includes(word)).length / words.length;
  return tier + outside * 0.9;
}

/** The method of a call, the kind of anything else. */
function chip({ kind, text }) {
  const method = METHOD.exec(text)?.[1];
  return method ? make('span', { class: method === 'GET' ? 'm' : 'm w' }, method) : make('span', { class: 'tag' }, kind);
}

/** The part of an entry's text around the first word that was found. */
function excerpt(text, words) {
  const found = words.map((word) => text.toLowerCase().indexOf(word)).filter((at) => at >= 0);
  const from = found.length && Math.min(...found) > 110 ? text.lastIndexOf(' ', Math.min(...found) - 40) + 1 : 0;
  const rest = text.slice(from);
  const cut = rest.length > 170 ? `${rest.slice(0, 170).replace(/\s+\S*$/, '')} …` : rest;
  return `${from ? '… ' : ''}${cut}`;
}

function search() {
  const typed = box.value.trim();
  const whole = query(typed);
  const typedWords = whole.split(/\s+/).filter(Boolean);
  const told = typedWords.filter((word) => !SMALL.has(word));
  const words = told.length ? told : typedWords;
  document.title = document.title.replace(/^(“.*” · )?/, () => (typed ? `“${typed}” · ` : ''));
  if (!words.length) {
    count.textContent = '';
    results.replaceChildren();
    return;
  }
  const kindOf = ({ kind }) => (ORDER.includes(kind) ? ORDER.indexOf(kind) : ORDER.length);
  const ranked = (entries, wanted) => entries.map((entry) => ({ entry, rank: rank(entry, whole, wanted) })).filter((hit) => hit.rank !== null);
  let hits = ranked(index, words);
  if (hits.length < FEW) {
    loadGuides();
    hits.push(...ranked(guides, words).filter(({ entry }) => !hits.some((hit) => hit.entry.href === entry.href)));
  }
  const isPartly = !hits.length && words.length > 1; // nothing has all words: what has one of them
  if (isPartly) hits = words.flatMap((word) => ranked(index, [word])).filter(({ entry }, at, all) => all.findIndex((one) => one.entry === entry) === at);
  // What is named exactly so comes first; then calls, guides, and so on.
  const isNamed = ({ rank: how }) => Number(Math.floor(how) !== EXACT);
  hits.sort((a, b) => isNamed(a) - isNamed(b) || kindOf(a.entry) - kindOf(b.entry) || a.rank - b.rank || a.entry.title.length - b.entry.title.length);
  const shown = hits.slice(0, MOST);
  count.textContent = isPartly && hits.length ? `Nothing has all words of “${typed}”. These have one of them.` : hits.length > MOST ? `The best ${MOST} of ${hits.length} results for “${typed}”.`
    : hits.length ? `${hits.length} ${hits.length === 1 ? 'result' : 'results'} for “${typed}”.`
      : `Nothing found for “${typed}”. Try one word of it, a path, a field or a code, such as not_allowed_from_status.`;
  const kinds = [...new Set(shown.map((hit) => hit.entry.kind))]; // in the order of their best result
  results.replaceChildren(...kinds.map((kind) => make('section', { class: 'flow', 'aria-label': KINDS[kind] ?? kind },
    make('h2', {}, KINDS[kind] ?? kind),
    make('dl', { class: 'fields' }, ...shown.filter((hit) => hit.entry.kind === kind).map(({ entry }) => make('div', {},
      make('dt', { class: 'row' }, chip(entry), make('a', { href: entry.href }, entry.title)),
      make('dd', { class: 'small dim' }, excerpt(entry.text.replace(METHOD, ''), words))))))));
}

function typedIn(event) {
  for (const one of boxes) if (one !== event.target) one.value = event.target.value;
  const url = new URL(location.href);
  if (box.value.trim()) url.searchParams.set('q', box.value.trim());
  else url.searchParams.delete('q');
  history.replaceState(history.state, '', url);
  search();
}

async function loadGuides() {
  if (areGuidesAsked) return;
  areGuidesAsked = true;
  const reply = await fetch(new URL(place.dataset.guides, document.baseURI)).catch(() => null);
  if (!reply?.ok) return;
  guides = (await reply.json()).map(([title, href, words]) => ({ ...prepared(['guide', title, href, '']), all: folded(`${title} ${words}`) }));
  search();
}

async function start() {
  place.querySelector('[data-part=no-script]').remove();
  let timer = 0;
  const asked = new URLSearchParams(location.search).get('q') ?? '';
  for (const one of boxes) {
    one.value = asked;
    one.addEventListener('input', (event) => {
      clearTimeout(timer);
      timer = setTimeout(typedIn, WAIT_AFTER_KEY_MS, event);
    });
    one.form.addEventListener('submit', (event) => {
      event.preventDefault();
      clearTimeout(timer);
      typedIn({ target: one });
    });
  }
  if (!asked || matchMedia('(pointer: fine)').matches) box.focus(); // the results follow the box
  try {
    const reply = await fetch(new URL(place.dataset.index, document.baseURI));
    if (!reply.ok) throw new Error(`status ${reply.status}`);
    index = (await reply.json()).map(prepared);
  } catch (error) {
    count.textContent = `The search index could not be loaded (${error.message}). Load the page again.`;
    return;
  }
  search();
}

start();
