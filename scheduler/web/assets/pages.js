// Improvements for readers with scripts: live pages, filters that apply at once, copying.
'use strict';

const REFRESH_LEAST_MS = 2000;
const TYPING_MS = 300;
const RETRY_MS = 15000;

// Puts the new <main> of `url` in place of the old one, keeping what the reader opened, typed and focused.
async function replaceMain(url, selector) {
  const answer = await fetch(url, { headers: { Accept: 'text/html' }, cache: 'no-cache' });
  if (!answer.ok) return null;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const fresh = page.querySelector(selector);
  const old = document.querySelector(selector);
  if (!fresh || !old || fresh.innerHTML === old.innerHTML) return page;
  const open = [...old.querySelectorAll('details')].map((details) => details.open);
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const href = focused && focused.getAttribute('href');
  old.innerHTML = fresh.innerHTML;
  [...old.querySelectorAll('details')].forEach((details, i) => { details.open = open[i] || details.open; });
  if (href) {
    const again = [...old.querySelectorAll('a')].find((link) => link.getAttribute('href') === href);
    if (again) again.focus();
  }
  improve(old);
  return page;
}

function followChanges(main) {
  let timer = null;
  let last = 0;
  const refresh = async () => {
    timer = null;
    last = Date.now();
    try {
      const page = await replaceMain(location.href, '#main');
      const fresh = page && page.getElementById('main');
      if (fresh && !fresh.dataset.watch && source) source.close();
      showNote();
    } catch (error) {
      schedule(RETRY_MS);
    }
  };
  const schedule = (wait) => {
    if (timer === null) timer = setTimeout(refresh, Math.max(wait, REFRESH_LEAST_MS - (Date.now() - last)));
  };
  const showNote = () => {
    const note = document.querySelector('.live-note');
    if (note) note.hidden = false;
  };
  let source = null;
  const connect = () => {
    source = new EventSource(main.dataset.watch);
    source.addEventListener('open', showNote);
    source.addEventListener('change', () => schedule(0));
    source.addEventListener('error', () => {
      // The browser connects again by itself unless the server refused.
      if (source.readyState === EventSource.CLOSED) {
        schedule(RETRY_MS);
        setTimeout(connect, RETRY_MS);
      }
    });
  };
  connect();
}

function applyAtOnce(form) {
  let timer = null;
  const apply = async () => {
    const url = new URL(form.action);
    for (const [name, value] of new FormData(form)) {
      if (value !== '') url.searchParams.append(name, value);
    }
    try {
      const page = await replaceMain(url, '#results');
      if (!page) throw new Error('no page');
      history.replaceState(null, '', url);
      const links = page.querySelector('.languages');
      if (links) document.querySelector('.languages').innerHTML = links.innerHTML;
    } catch (error) {
      form.submit();
    }
  };
  form.addEventListener('input', (event) => {
    if (event.target.name === 'suite') return form.submit();
    clearTimeout(timer);
    timer = setTimeout(apply, event.target.matches('[type=search],[type=number]') ? TYPING_MS : 0);
    return undefined;
  });
}

function offerCopy(button) {
  if (!navigator.clipboard) return;
  button.hidden = false;
  const words = button.textContent;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.parentElement.querySelector('code').textContent);
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = words; }, 2000);
  });
}

// Says that a form is being worked on, and keeps it from being sent twice.
function showBusy(form) {
  const note = document.createElement('p');
  note.setAttribute('role', 'status');
  form.append(note);
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = '1';
    note.textContent = form.dataset.busy;
    return undefined;
  });
  window.addEventListener('pageshow', () => { delete form.dataset.sent; note.textContent = ''; });
}

function improve(root) {
  root.querySelectorAll('button.copy').forEach(offerCopy);
}

const main = document.getElementById('main');
improve(document);
document.querySelectorAll('form[data-live-form]').forEach(applyAtOnce);
document.querySelectorAll('form[data-busy]').forEach(showBusy);
const outcome = document.getElementById('outcome');
if (outcome) outcome.focus();
if (main && main.dataset.watch && window.EventSource) followChanges(main);
