// The tester of one operation: composes the call from the form, sends it, and says in words what came back.
// Everything it knows about the operation stands in data- attributes of the page (templates/tester.html).
'use strict';

const STORED_AS = 'waypost-token';
const LONGEST_BODY = 20_000; // characters shown of a reply
const SHOW_WAIT_AFTER_MS = 300;
const LONGEST_WAIT_MS = 60_000; // a long poll takes 30 s

const box = document.querySelector('.tester');
const op = box.dataset;
const part = (name) => box.querySelector(`[data-part="${name}"]`);
const state = (name) => box.querySelector(`[data-state="${name}"]`);
const tokenForm = state('token');
const form = state('ready');
const fields = [...form.querySelectorAll('[data-name]')];
const field = (name) => fields.find((one) => one.dataset.name === name);
const pathFields = fields.filter((one) => one.dataset.place === 'path');
const idField = part('other')?.querySelector('input') ?? pathFields[0];
const actions = JSON.parse(op.actions ?? '{}');

let token = null; // kept here too: the storage may be blocked
const names = new Map(); // of offered things, by id
let offers = []; // what was offered, as the hub replied
let last = null; // what was sent last: {call, faults, changed, moved}
let busy = false;
let countdown = 0;

// Small helpers

/** Makes an element. Children are nodes or text, never markup. */
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const bold = (text) => make('strong', {}, text);
const at = (path) => new URL(op.root + path.slice(1), document.baseURI);
const page = (path) => new URL(`${op.root}docs/${path}`, document.baseURI);
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function randomKey() {
  if (crypto.randomUUID) return crypto.randomUUID(); // missing on plain http, except on localhost
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

// States: token, ready, reply

function show(name) {
  clearInterval(countdown);
  for (const one of ['token', 'ready', 'reply']) if (state(one)) state(one).hidden = one !== name;
  state('curl').hidden = name === 'token';
}

function keep(value) {
  token = value;
  try {
    if (value) sessionStorage.setItem(STORED_AS, value);
    else sessionStorage.removeItem(STORED_AS);
  } catch {
    // Blocked: the token lasts as long as this page.
  }
}

function askForToken(why = '') {
  keep(null);
  show('token');
  part('refused').textContent = why;
  part('refused').hidden = !why;
  box.querySelector('#try-token').focus();
}

function useToken(event) {
  event.preventDefault();
  const input = box.querySelector('#try-token');
  const fault = box.querySelector('#try-token-fault');
  const value = input.value.trim();
  const good = /^[\x21-\x7e]+$/.test(value);
  fault.hidden = good;
  fault.textContent = good ? '' : value ? '▲ This is no token: it has blanks or letters outside ASCII.' : '▲ Paste a token first.';
  if (good) input.removeAttribute('aria-invalid');
  else input.setAttribute('aria-invalid', 'true');
  if (!good) return input.focus();
  keep(value);
  input.value = '';
  getReady();
  (part('offer') ?? fields[0] ?? form.querySelector('[data-send]')).focus();
}

function getReady() {
  if (token) part('mask').textContent = token.length > 15 ? `${token.slice(0, 7)}…${token.slice(-4)}` : '…';
  show('ready');
  offer();
  compose();
}

// Offers: ids of the reader's own

async function offer() {
  const select = part('offer');
  if (!select) return;
  const asker = token;
  const wanted = idField.value.trim();
  let offered = [];
  let why = `You have no ${op.offerLabel.toLowerCase()} ${op.offerNoun}`.trim() + '. Enter an id.';
  try {
    const reply = await ask({ method: 'GET', url: at(op.offerUrl), headers: token ? { 'X-API-TOKEN': token } : {} });
    const answer = parsed(await reply.text());
    if (asker !== token) return;
    if (answer?.code === 'unauthorized') return askForToken('The hub refused this token: it is unknown, expired or revoked.');
    if (Array.isArray(answer)) offered = answer.filter((item) => !op.offerAction || item.allowedActions?.includes(op.offerAction));
    else why = 'Your ids cannot be listed with this token. Enter an id.';
  } catch {
    why = `No reply from ${at('/').origin}, so your ids cannot be listed. Enter an id.`;
  }
  offers = offered;
  const options = offered.map((item) => {
    const shown = op.offerShow.split(' ').map((keys) => valueAt(item, keys));
    const id = String(item[op.offerKey]);
    if (shown[0]) names.set(id, String(shown[0]));
    return { id, label: [id, ...shown].filter((text) => text !== null && text !== undefined).join(' · ') };
  });
  const typed = idField.value.trim() || wanted;
  const isOther = typed && !options.some(({ id }) => id === typed); // it stays where the reader types it
  select.replaceChildren(...[...options, { id: '', label: 'Another id …' }].map(({ id, label }) => make('option', { value: id }, label)));
  select.parentElement.hidden = !options.length;
  part('none').hidden = options.length > 0;
  part('none').textContent = options.length ? '' : why;
  select.value = isOther ? '' : typed || (options[0]?.id ?? '');
  chooseOffer();
}

/** Where no id stands in the path, the body names the request. */
function nameInBody(id) {
  const name = Object.entries(parsed(op.offerBody ?? '{}')).find(([, source]) => source === 'id')?.[0];
  if (!name || !/^\d+$/.test(id)) return;
  field('body').value = field('body').value.replace(new RegExp(`("${name}":\\s*)\\d+`), (_, before) => before + id);
}

const valueAt = (item, keys) => keys.split('.').reduce((one, key) => one?.[key], item);

function chooseOffer() {
  const { value } = part('offer');
  if (value) idField.value = value;
  const item = offers.find((one) => String(one[op.offerKey]) === value);
  const body = op.offerBody && item && parsed(field('body').value);
  if (body) { // it names the chosen thing, and a line of it
    for (const [keys, source] of Object.entries(JSON.parse(op.offerBody))) {
      const [, inside, last] = /^(?:(.*)\.)?(.*)$/.exec(keys);
      const place = inside ? valueAt(body, inside) : body;
      if (place) place[last] = valueAt(item, source);
    }
    field('body').value = JSON.stringify(body, null, 2);
  }
  part('other').hidden = value !== '' && part('none').hidden;
  compose();
}

const nameOf = (id) => names.get(id) ?? (id ? `${op.offerLabel ?? 'Id'} ${id}` : 'It');

// The call

/** Reads the form into a call, and shows it as curl. */
function compose(dry = Boolean(part('dry')?.checked)) {
  const call = { method: op.method, headers: {}, body: undefined, dry, id: idField?.value.trim() ?? '', faults: [], values: [] };
  const query = [];
  let path = op.path;
  if (token) call.headers['X-API-TOKEN'] = token;
  for (const { value: written, dataset } of fields) {
    const { name, place, type, needed } = dataset;
    const value = written.trim();
    if (place === 'path') {
      if (value && !/^\.+$/.test(value)) path = path.replace(`{${name}}`, () => encodeURIComponent(value.toWellFormed()));
      else call.faults.push({ parameter: name, message: `${name} is part of the URL: enter one.` });
    } else if (value && place === 'query') {
      const encoded = encodeURIComponent((type === 'string' ? written : value).toWellFormed());
      query.push(`${encodeURIComponent(name)}=${type === 'array' ? encoded.replaceAll('%2C', ',') : encoded}`);
      if (needed !== undefined) call.values.push(value);
    } else if (value && place === 'header') {
      if (/^[\x20-\x7e]+$/.test(value)) call.headers[name] = value;
      else call.faults.push({ parameter: name, message: `${name} takes visible ASCII characters only.` });
    } else if (value && place === 'body') {
      call.headers['Content-Type'] = 'application/json';
      call.body = written;
      const fault = faultOfJson(written);
      if (fault) call.faults.push({ parameter: name, message: fault });
    }
  }
  if (dry) query.push('dryRun=true');
  call.url = at(path);
  if (query.length) call.url.search = query.join('&');
  showCurl(call);
  return call;
}

function faultOfJson(text) {
  try {
    JSON.parse(text);
    return '';
  } catch (error) {
    return `This is not JSON: ${error.message}.`; // the browser names the line
  }
}

function showCurl({ method, url, headers, body }) {
  const unfilled = pathFields.filter((one) => !one.value.trim()).map((one) => one.dataset.name);
  const lines = [`curl -i${method === 'GET' ? '' : ` -X ${method}`} ${quoted(unfilled.reduce((href, name) => href.replace(`%7B${name}%7D`, `{${name}}`), url.href))}`];
  for (const [name, value] of Object.entries(headers)) {
    lines.push(name === 'X-API-TOKEN' ? '-H "X-API-TOKEN: $WAYPOST_TOKEN"' : `-H ${quoted(`${name}: ${value}`)}`);
  }
  if (body !== undefined) lines.push(`--data-raw ${quoted(body)}`);
  part('curl').textContent = lines.join(' \\\n  ');
}

function ask({ url, method, headers, body }) {
  const signal = AbortSignal.timeout(LONGEST_WAIT_MS);
  return fetch(url, { method, headers, body, signal, cache: 'no-store', credentials: 'omit', referrerPolicy: 'no-referrer' });
}

async function send(call, button) {
  if (busy) return;
  mark(call.faults);
  if (call.faults.length) return;
  busy = true;
  showCurl(call);
  const buttons = [...box.querySelectorAll('button')].filter((one) => !one.dataset.copy);
  const label = button.textContent;
  for (const one of buttons) one.disabled = true; // nothing is forgotten or changed under a call
  const timer = setTimeout(() => { button.textContent = 'Sending …'; }, SHOW_WAIT_AFTER_MS);
  const begun = performance.now();
  let reply = null;
  try {
    const response = await ask(call);
    const { status, statusText, ok, headers } = response;
    reply = { status, statusText, ok, headers, text: await response.text() };
  } catch {
    // No reply, or only a part of one.
  }
  clearTimeout(timer);
  button.textContent = label;
  for (const one of buttons) one.disabled = false;
  labelButtons(); // the box may have been ticked meanwhile
  busy = false;
  present(call, reply, Math.round(performance.now() - begun));
}

// Faults beside their fields

function mark(faults) {
  for (const one of form.querySelectorAll('.err')) one.remove();
  for (const one of fields) ['aria-invalid', 'aria-describedby'].forEach((name) => one.removeAttribute(name));
  for (const { parameter, pointer, message } of faults) {
    const input = field(parameter?.split(/[.[]/)[0]) ?? (pointer === undefined ? null : field('body'));
    if (!input) continue;
    const id = `${input.id}-fault`;
    if (!input.hasAttribute('aria-invalid')) input.after(make('span', { class: 'small err', id }));
    const note = box.querySelector(`#${CSS.escape(id)}`);
    note.append(...(note.childNodes.length ? [make('br')] : []), `▲ ${message}`);
    input.setAttribute('aria-invalid', 'true');
    input.setAttribute('aria-describedby', id);
    const folded = input.closest('details');
    if (folded) folded.open = true;
    if (input === idField && part('other')) part('other').hidden = false;
  }
  fields.find((one) => one.hasAttribute('aria-invalid'))?.focus();
}

// The reply

function present(call, reply, ms) {
  const answer = reply && parsed(reply.text);
  const changed = Boolean(reply?.ok && op.changes && !call.dry);
  const id = call.id || String(answer?.id ?? '');
  const how = !op.changes ? 'sent' : call.dry ? 'sent as a dry run' : 'sent for real';
  const what = call.id ? `${op.offerLabel ?? pathFields[0].dataset.name} ${call.id}` : op.title;
  const first = call.values[0] ? `, “${call.values[0].slice(0, 80)}”` : '';
  part('line').replaceChildren(bold(what), `${first}, ${how}`);

  const note = part('note');
  note.classList.toggle('ok', Boolean(reply?.ok));
  note.classList.toggle('bad', !reply?.ok);
  const status = reply ? `${reply.status} ${reply.statusText}`.trim() : 'No reply';
  note.replaceChildren(
    make('p', { class: 'row' },
      make('span', { class: `st ${reply?.ok ? 'ok' : 'bad'}` }, status),
      make('span', { class: 'small num dim' }, `${ms} ms`)),
    ...(!reply ? wordsForSilence(call) : reply.ok ? wordsForSuccess(call, reply, answer, id) : wordsForRefusal(reply, answer ?? {}, id)),
  );
  const refused = Boolean(answer?.allowedActions);
  last = { call, faults: answer?.errors ?? [], changed: changed || refused, moved: call.dry && answer?.change === 'move' ? { ...answer, version: versionOf(reply) } : null };
  const of = /\{(\w+)\}/.exec(op.timeline)?.[1]; // a shipment's reply names its request
  showNext(call, reply, { id, of: call.id || String(answer?.[of] ?? id), changed, refused });
  part('timeline').hidden = true;
  const headers = reply ? [...reply.headers].map(([name, value]) => `${name}: ${value}\n`).join('') : '';
  part('raw').hidden = !reply;
  part('raw').textContent = reply ? `${status}\n${headers}${bodyOf(reply.text, answer)}` : '';
  if (changed && field('Idempotency-Key')) field('Idempotency-Key').value = randomKey();

  show('reply');
  if (reply?.status === 429) waitFor(Number(reply.headers.get('Retry-After')) || 1);
  note.focus({ preventScroll: true });
  const narrow = matchMedia('(max-width:1240px)').matches;
  state('reply').scrollIntoView({ block: narrow ? 'start' : 'nearest' });
}

function bodyOf(text, answer) {
  const shown = answer === null ? text : JSON.stringify(answer, null, 2);
  const cut = shown.length > LONGEST_BODY ? '\n… Cut after 20,000 characters.' : '';
  return text && `\n${shown.slice(0, LONGEST_BODY)}${cut}`;
}

const versionOf = (reply) => Number((reply.headers.get('ETag') ?? '').replaceAll('"', ''));

function wordsForSilence(call) {
  const key = call.headers['Idempotency-Key'];
  const unknown = !op.changes || call.dry ? '' : ' It is not known whether the call was applied.';
  return [
    make('p', {}, bold(`No reply from ${call.url.origin}.`), ` Check that the hub runs and that you are connected.${unknown}`),
    ...(unknown && key ? [make('p', { class: 'small' }, 'Send it again with the same Idempotency-Key: the hub applies it once.')] : []),
  ];
}

function wordsForSuccess(call, reply, answer, id) {
  if (answer?.dryRun === true) {
    const then = answer.wouldReplyStatus ? ` Sent for real, the reply is ${answer.wouldReplyStatus}.` : '';
    const { change, from, to } = answer;
    const what = !to ? ['The hub would accept this']
      : change === 'none' ? [`${nameOf(id)} would stay as it is, in `, bold(to)]
        : from && from !== to ? [`${nameOf(id)} would move from `, bold(from), ' to ', bold(to)]
          : [`${nameOf(id)} would change, and its status would be `, bold(to)];
    return [make('p', {}, ...what, `. Nothing changed.${then}`)];
  }
  const words = [];
  if (call.dry) words.push('Dry run: nothing changed. ');
  if (reply.headers.get('Idempotent-Replayed')) words.push('This is the stored reply to the same call. Nothing changed again. ');
  // What the dry run said holds if nobody changed it in between.
  const tried = last?.moved && last.call.id === call.id && versionOf(reply) === last.moved.version + 1 ? last.moved : null;
  const now = answer?.fulfillmentRequestStatus?.name ?? (words.length ? null : op.to);
  if (tried && tried.from !== tried.to && !call.dry) words.push(`${nameOf(id)} moved from `, bold(tried.from), ' to ', bold(now ?? tried.to), '. ');
  else if (now) words.push(`${nameOf(id)} is now in `, bold(now), '. ');
  if (Array.isArray(answer)) words.push(`The reply is a list of ${answer.length}. `);
  const described = op.success ?? document.querySelector(`[data-status="${reply.status}"]`)?.textContent ?? (words.length ? '' : 'The hub accepted the call');
  return [make('p', {}, ...words, described.trim().replace(/[^.]$/, '$&.'))];
}

function wordsForRefusal(reply, problem, id) {
  const said = problem.detail ?? `The hub replied ${reply.status}.`;
  const nothing = reply.status < 500 ? 'Refused, nothing changed.' : 'The hub could not do it.';
  if (problem.allowedActions) {
    const allowed = (problem.allowedActions ?? []).map((action) =>
      actions[action] ? make('a', { class: 'tag', href: carrying(`${op.root}docs/operations/${actions[action]}?id={id}`, id) }, action) : make('span', { class: 'tag' }, action));
    return [
      make('p', {}, bold(nothing), ` ${nameOf(id)} is in `, bold(problem.currentStatus), '. ', ...(wordsForStatus(problem) ?? wordsFor(problem.code))),
      make('p', { class: 'small' }, allowed.length ? 'Allowed now for your token:' : 'Your token allows nothing more in this status.'),
      ...(allowed.length ? [make('p', { class: 'tags' }, ...allowed.flatMap((tag) => [tag, ' ']))] : []),
    ];
  }
  if (problem.errors?.length) {
    const list = problem.errors.map((fault) => make('li', {}, `${fault.message} `, linkTo(fault.code)));
    return [make('p', {}, bold(nothing), ' Press “Change” to correct the form:'), make('ul', {}, ...list)];
  }
  return [make('p', {}, bold(nothing), ` ${said}`), ...(problem.code ? [make('p', { class: 'small' }, ...wordsFor(problem.code))] : [])];
}

/** What the page says of a request in this status. */
function wordsForStatus({ code, currentStatus }) {
  if (code !== 'not_allowed_from_status') return null;
  const said = [...document.querySelectorAll('[id^="from-"]')].find((one) => one.querySelector('.st').textContent === currentStatus);
  return said && [...said.querySelector('dd > p').cloneNode(true).childNodes];
}

const linkTo = (code) => make('a', { href: page(`errors#${encodeURIComponent(code)}`) }, code);

/** Cause and remedy, as the page's section of responses has them, or a link to them. */
function wordsFor(code) {
  const entry = document.querySelector(`[data-code="${CSS.escape(code)}"]`);
  return entry ? [...(entry.querySelector('dd') ?? entry).cloneNode(true).childNodes] : [linkTo(code)];
}

/** A link's address with the id in it; without an id, the query goes. */
function carrying(template, id) {
  return id ? template.replace('{id}', () => encodeURIComponent(id)) : template.replace(/\?[^#]*\{id\}[^#]*/, '');
}

// What to do next

function showNext(call, reply, { id, of, changed, refused }) {
  const row = part('then');
  for (const one of row.querySelectorAll('button')) one.remove();
  const links = [...row.querySelectorAll('a')];
  for (const link of links) {
    link.href = carrying(link.dataset.then, id);
    link.hidden = !(reply?.ok && !call.dry);
  }
  const again = (text, dry, kind = 'btn') => {
    const button = make('button', { class: kind, type: 'button', 'data-send': '' }, text);
    button.addEventListener('click', () => send(compose(dry), button));
    return button;
  };
  const buttons = [];
  if (op.timeline && of && (changed || refused)) {
    const button = make('button', { class: changed ? 'btn do' : 'btn', type: 'button' }, 'See its timeline');
    button.addEventListener('click', () => showTimeline(of));
    buttons.push(button);
  }
  if (reply?.ok && call.dry) buttons.push(again('Send for real', false, 'btn do'));
  if (reply?.status === 401 && token) {
    const button = make('button', { class: 'btn do', type: 'button' }, 'Use another token');
    button.addEventListener('click', () => askForToken());
    buttons.push(button);
  }
  buttons.push(again('Send again', call.dry));
  row.prepend(...buttons);
}

function waitFor(seconds) {
  const button = [...part('then').querySelectorAll('[data-send]')].at(-1);
  const until = performance.now() + seconds * 1000;
  const tick = () => {
    const left = Math.ceil((until - performance.now()) / 1000);
    button.disabled = left > 0;
    button.textContent = left > 0 ? `Send again in ${left} s` : 'Send again';
    if (left <= 0) clearInterval(countdown);
  };
  countdown = setInterval(tick, 250);
  tick();
}

async function showTimeline(id) {
  const place = part('timeline');
  const shown = last;
  const url = at(op.timeline.replace(/\{\w+\}/, () => encodeURIComponent(id)));
  let list;
  try {
    const reply = await ask({ method: 'GET', url, headers: { 'X-API-TOKEN': token } });
    const events = parsed(await reply.text());
    list = Array.isArray(events)
      ? make('ol', { class: 'time' }, ...events.map(entry))
      : make('p', { class: 'err' }, events?.detail ?? `The hub replied ${reply.status}.`);
  } catch {
    list = make('p', { class: 'err' }, `No reply from ${url.origin}.`);
  }
  if (shown !== last || state('reply').hidden) return; // something else is shown by now
  const heading = make('h3', { tabindex: '-1' }, `Timeline of ${nameOf(id)}`);
  place.replaceChildren(heading, list);
  place.hidden = false;
  heading.focus({ preventScroll: true });
  heading.scrollIntoView({ block: 'nearest' });
}

function entry({ at: when, type, from, to, actor, code, reason }) {
  const time = make('time', { class: 'small dim num', datetime: when }, `${String(when).slice(0, 19).replace('T', ' ')} UTC`);
  const who = actor?.name ?? actor?.type;
  const move = to ? [make('br'), from && from !== to ? `${from} to ${to}` : to] : [];
  const why = [code, reason].filter(Boolean).join(': ');
  return make('li', /\.failed$/.test(type) ? { class: 'bad' } : {}, time, make('br'), bold(type), who ? ` by ${who}` : '', ...move, ...(why ? [make('br'), why] : []));
}

// Start

function changeAgain() {
  show('ready');
  compose();
  if (last.changed) offer();
  mark(last.faults);
  if (!form.querySelector('[aria-invalid]')) (part('offer')?.offsetParent ? part('offer') : fields[0] ?? form.querySelector('[data-send]')).focus();
}

function labelButtons() {
  const dry = part('dry')?.checked;
  if (dry === undefined) return;
  box.querySelector('[data-send="default"]').textContent = dry ? 'Send dry run' : 'Send for real';
  box.querySelector('[data-send="real"]').hidden = !dry;
}

function start() {
  part('no-script').remove();
  const carried = new URLSearchParams(location.search).get('id');
  if (carried && idField) idField.value = carried;
  nameInBody(carried);
  if (field('Idempotency-Key')) field('Idempotency-Key').value = randomKey();
  tokenForm?.addEventListener('submit', useToken);
  part('forget')?.addEventListener('click', () => askForToken());
  part('change').addEventListener('click', changeAgain);
  part('offer')?.addEventListener('change', () => {
    if (!part('offer').value) idField.value = '';
    chooseOffer();
    if (!part('offer').value) idField.focus();
  });
  form.addEventListener('input', ({ target }) => {
    if (target === idField) nameInBody(target.value);
    labelButtons();
    compose();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const button = event.submitter ?? form.querySelector('[data-send="default"]');
    send(compose(button.dataset.send !== 'real' && Boolean(part('dry')?.checked)), button);
  });
  form.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    form.requestSubmit(form.querySelector('[data-send="default"]'));
  });
  labelButtons();
  try {
    if (tokenForm) token = sessionStorage.getItem(STORED_AS);
  } catch {
    // Blocked: the reader pastes it on each page.
  }
  if (token || !tokenForm) getReady();
  else show('token');
}

start();
