/**
 * The page of a server's status: one file, which asks nobody else for anything.
 * @module
 */
import type { Response } from "../http.ts";
import { LETTERS } from "../letters.ts";
import { SCRIPT } from "./page_script.ts";
import { STYLE } from "./page_style.ts";

const HTML = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Trivet</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<h1>Trivet <code id="addr"></code> <span id="state" role="status">…</span></h1>
<p id="about"></p>
</header>
<p id="words">Asking the server …</p>
<dl class="figures" id="figures"></dl>
<section aria-labelledby="board-title">
<h2 id="board-title">Who is where</h2>
<div class="scene" id="scene"></div>
<ul class="key" id="key"></ul>
</section>
<section aria-labelledby="workers-title">
<h2 id="workers-title">Workers</h2>
<div class="wide" tabindex="0" role="region" aria-labelledby="workers-title"><table id="workers"></table></div>
</section>
<div class="two">
<section aria-labelledby="oldest-title">
<h2 id="oldest-title">Oldest connections</h2>
<div class="wide" tabindex="0" role="region" aria-labelledby="oldest-title"><table id="oldest"></table></div>
</section>
<section aria-labelledby="largest-title">
<h2 id="largest-title">Largest connections</h2>
<div class="wide" tabindex="0" role="region" aria-labelledby="largest-title"><table id="largest"></table></div>
</section>
<section aria-labelledby="reasons-title">
<h2 id="reasons-title">Why it ended, why it was refused</h2>
<div class="wide" tabindex="0" role="region" aria-labelledby="reasons-title"><table id="reasons"></table></div>
</section>
<section aria-labelledby="troubles-title">
<h2 id="troubles-title">What went wrong last</h2>
<div class="wide" tabindex="0" role="region" aria-labelledby="troubles-title"><table id="troubles"></table></div>
</section>
</div>
<footer>Looked at once a second. The same as <a href="/status.json">JSON</a> and as
<a href="/metrics">metrics</a>.</footer>
</main>
<noscript><p>This page needs its script. The same is at /status.json.</p></noscript>
<script>${SCRIPT.replace("LETTERS_HERE", JSON.stringify(LETTERS))}</script>
</body>
</html>
`;

let made: Promise<Response> | null = null;

/** The page. Its browser runs and shows what is in it, and asks only here. */
export function page(): Promise<Response> {
  return made ??= make();
}

async function make(): Promise<Response> {
  const between = (tag: string) => HTML.split(`<${tag}>`)[1].split(`</${tag}>`)[0];
  const [style, script] = await Promise.all([hash(between("style")), hash(between("script"))]);
  const policy = [
    "default-src 'none'",
    `style-src '${style}'`,
    `script-src '${script}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return {
    status: 200,
    type: "text/html; charset=utf-8",
    body: HTML,
    headers: { "Content-Security-Policy": policy, "Referrer-Policy": "no-referrer" },
  };
}

async function hash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}`;
}
