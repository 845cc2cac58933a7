"use strict";
/* What the page knows, and how it reads the rest: a script of data at a time, because a page on disk may read nothing else. */

const h = React.createElement;
const { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } = React;

const summary = JSON.parse(document.getElementById("summary").textContent);
const PAGES_KEPT = 80;

const arriving = new Map();
const asked = new Map(); // in order of their last use

/** Called by every script of data. */
function throng(name, payload) {
  const arrived = arriving.get(name);
  if (arrived) arrived(payload);
}

/** Return a promise of the payload of data/<name>.js. */
function read(name) {
  const known = asked.get(name);
  if (known) {
    asked.delete(name);
    asked.set(name, known);
    return known;
  }
  const promise = new Promise((resolve, reject) => {
    const script = document.createElement("script");
    const fail = (what) => {
      arriving.delete(name);
      asked.delete(name);
      script.remove();
      reject(new Error(`data/${name}.js ${what}: the folder "data" must lie beside this page, whole`));
    };
    arriving.set(name, (payload) => {
      arriving.delete(name);
      script.remove();
      resolve(payload);
    });
    script.onerror = () => fail("cannot be read");
    script.onload = () => arriving.has(name) && fail("is damaged");
    script.src = `data/${name}.js`;
    document.head.append(script);
  });
  asked.set(name, promise);
  forgetPages();
  return promise;
}

function forgetPages() {
  const pages = [...asked.keys()].filter((name) => name.includes("/page-"));
  for (const name of pages.slice(0, Math.max(0, pages.length - PAGES_KEPT))) asked.delete(name);
}

function bytesOf(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k += 1) bytes[k] = raw.charCodeAt(k);
  return bytes.buffer;
}

const floats = (text) => new Float32Array(bytesOf(text));

/** Return a promise of a kind's index: ids, columns to filter by, and where each id stands. */
function readKind(name) {
  if (!summary.kinds[name]) return Promise.reject(new Error(`this run made no ${name}`));
  return read(`${name}/index`).then((index) => (index.opened ??= openKind(name, index)));
}

function openKind(name, index) {
  const number = summary.kinds[name].here;
  const ids = number ? index.ids.split(" ") : [];
  const places = new Map();
  ids.forEach((id, place) => places.has(id) || places.set(id, place));
  const columns = index.columns.map((column) => {
    if (column.values) return { ...column, values: floats(column.values) };
    if (column.sets) return { ...column, sets: new Uint32Array(bytesOf(column.sets)) };
    return { ...column, codes: new (column.bytes === 2 ? Uint16Array : Uint32Array)(bytesOf(column.codes)) };
  });
  const byName = Object.fromEntries(columns.map((column) => [column.name, column]));
  const key = (place) => (ids[place] && places.get(ids[place]) === place ? ids[place] : `~${place}`);
  const find = (wanted) => {
    const place = wanted.startsWith("~") ? Number(wanted.slice(1)) : places.get(wanted);
    return place !== undefined && place < number ? place : undefined;
  };
  return { name, number, ids, columns, byName, key, find };
}

/** Return a promise of what is shown of one sample, and of the thumbnails of the page that it stands on. */
function readRow(name, place) {
  const page = String(Math.floor(place / summary.page)).padStart(5, "0");
  return read(`${name}/page-${page}`).then(({ rows, pictures }) => ({ row: rows[place % summary.page], pictures }));
}

/** Return { value } or { error } of a promise once it has settled, {} before; ``load`` is called when ``key`` changes. */
function useLoaded(load, key) {
  const [state, setState] = useState({ key: null });
  useEffect(() => {
    let wanted = true;
    load().then(
      (value) => wanted && setState({ key, value }),
      (error) => wanted && setState({ key, error }),
    );
    return () => {
      wanted = false;
    };
  }, [key]);
  return state.key === key ? state : {};
}

const useKind = (name) => useLoaded(() => readKind(name), name);
const useRow = (name, place) => useLoaded(() => readRow(name, place), `${name} ${place}`);

/** Return the section, the sample and the query that the address names: #section/sample?query. */
function routeOf(hash) {
  const [path, query = ""] = hash.replace(/^#/, "").split(/\?(.*)/s);
  const [section, sample = ""] = path.split("/");
  return { section: section || "stages", sample: decodeURIComponent(sample), query: new URLSearchParams(query) };
}

function address(section, sample, query) {
  const asked_for = query.toString();
  return `#${section}${sample ? `/${encodeURIComponent(sample)}` : ""}${asked_for ? `?${asked_for}` : ""}`;
}

/** Go to an address; ``instead`` leaves no trace in the browser's history. */
function go(hash, instead = false) {
  if (!instead) {
    location.hash = hash;
    return;
  }
  history.replaceState(null, "", hash);
  dispatchEvent(new Event("hashchange"));
}

function useRoute() {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return useMemo(() => routeOf(hash), [hash]);
}

/** Return a number as text: whole where it is whole, else with as many digits as tell something. */
function said(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (typeof value !== "number") return String(value);
  if (Number.isInteger(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

const Failure = ({ error }) => h("p", { className: "warning", role: "alert" }, error.message);
