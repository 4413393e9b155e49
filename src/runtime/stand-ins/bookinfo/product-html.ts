import { escapeHtml } from "../../../base/index.ts";

export interface Book {
  readonly id: number;
  readonly title: string;
  readonly descriptionHtml: string;
}

export type Details = Readonly<Record<string, string | number>>;

export interface Reviews {
  readonly podname?: string;
  readonly clustername?: string;
  readonly reviews: readonly {
    readonly reviewer: string;
    readonly text: string;
    readonly rating?: { readonly stars: number; readonly color: string } | { readonly error: string };
  }[];
}

/** What a service answered, or what is said instead. */
export type Outcome<T> =
  | { readonly status: number; readonly value: T }
  | { readonly status: number; readonly error: string };

/** The page of a book. */
export function productHtml(
  book: Book,
  details: Outcome<Details>,
  reviews: Outcome<Reviews>,
  user: string | undefined,
): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Simple Bookstore App</title>
<style>${style}</style>
</head>
<body>
<header><a class="brand" href="/productpage">BookInfo Sample</a>${signIn(user)}</header>
<main>
<h1>${escapeHtml(book.title)}</h1>
<p class="summary">Summary: ${book.descriptionHtml}</p>
<div class="columns">
<section aria-label="Book details">${detailsHtml(details)}</section>
<section aria-label="Book reviews">${reviewsHtml(reviews)}</section>
</div>
</main>
</body>
</html>
`;
}

function signIn(user: string | undefined): string {
  if (user !== undefined)
    return `<span class="user">${escapeHtml(user)} <a href="/logout">sign out</a></span>`;
  return `<form method="post" action="/login"><label>User name <input name="username" required></label><label>Password <input name="passwd" type="password"></label><button>Sign in</button></form>`;
}

function failure(title: string, error: string): string {
  return `<h2>${title}</h2><p class="error" role="alert">${escapeHtml(error)}</p>`;
}

const fields = [
  ["Type", "type"],
  ["Pages", "pages"],
  ["Publisher", "publisher"],
  ["Language", "language"],
  ["ISBN-10", "ISBN-10"],
  ["ISBN-13", "ISBN-13"],
] as const;

function detailsHtml(details: Outcome<Details>): string {
  if ("error" in details) return failure("Error fetching product details!", details.error);
  const rows = fields.map(
    ([name, key]) => `<dt>${name}:</dt><dd>${escapeHtml(String(details.value[key] ?? ""))}</dd>`,
  );
  return `<h2>Book Details</h2><dl>${rows.join("")}</dl>`;
}

function reviewsHtml(reviews: Outcome<Reviews>): string {
  if ("error" in reviews) return failure("Error fetching product reviews!", reviews.error);
  const { podname, clustername, reviews: list } = reviews.value;
  const items = list.map(
    ({ reviewer, text, rating }) =>
      `<blockquote><p>${escapeHtml(text)}</p><footer>${escapeHtml(reviewer)}</footer>${ratingHtml(rating)}</blockquote>`,
  );
  const served =
    podname === undefined
      ? ""
      : `<p class="served">Reviews served by: <code>${escapeHtml(podname)}</code>${clustername === undefined || clustername === "null" ? "" : ` on cluster <code>${escapeHtml(clustername)}</code>`}</p>`;
  return `<h2>Book Reviews</h2>${items.join("")}${served}`;
}

const starColors: Readonly<Record<string, string>> = { black: "var(--ink)", red: "#d03b2f" };

function ratingHtml(rating: Reviews["reviews"][number]["rating"]): string {
  if (rating === undefined) return "";
  if ("error" in rating) return `<p class="error">${escapeHtml(rating.error)}</p>`;
  const count = Math.max(0, Math.min(5, Math.round(rating.stars)));
  const color = starColors[rating.color] ?? "var(--ink)";
  // The words "glyphicon" and "star" are what scripts of Istio's tasks look for in the page.
  const stars = Array.from(
    { length: 5 },
    (_, i) =>
      `<span class="glyphicon glyphicon-star${i < count ? "" : "-empty"}">${i < count ? "★" : "☆"}</span>`,
  );
  return `<p class="stars" style="color:${color}" aria-label="${count} of 5 stars, ${escapeHtml(rating.color)}">${stars.join("")}</p>`;
}

const style = `
:root { color-scheme: light dark; --ink: #1d2733; --faint: #5d6b7a; --line: #dbe1e7; --page: #fff; --bar: #f3f6f9; --accent: #2d5b9e; --error: #a3261b }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaee; --faint: #9aa7b4; --line: #36404b; --page: #171c22; --bar: #1f262e; --accent: #8ab4f0; --error: #ff9185 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif }
header { display: flex; flex-wrap: wrap; gap: .75rem 1.5rem; justify-content: space-between; align-items: center; padding: .75rem 1.5rem; background: var(--bar); border-bottom: 1px solid var(--line) }
a { color: var(--accent) }
.brand { font-weight: 600; text-decoration: none }
form { display: flex; flex-wrap: wrap; gap: .5rem 1rem; font-size: .85rem; align-items: center }
input { margin-left: .35rem; padding: .25rem .5rem; border: 1px solid var(--line); border-radius: 4px; background: var(--page); color: var(--ink); width: 8rem }
button { padding: .3rem .9rem; border: 0; border-radius: 4px; background: var(--accent); color: var(--page); font: inherit }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.5rem }
h1 { text-align: center; margin: 0 0 .5rem }
.summary { max-width: 46rem; margin: 0 auto 2.5rem; color: var(--faint) }
.columns { display: grid; grid-template-columns: 1fr 1fr; gap: 2.5rem }
h2 { font-size: 1.15rem; margin: 0 0 .9rem; padding-bottom: .4rem; border-bottom: 1px solid var(--line) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1rem; margin: 0 }
dt { color: var(--faint) }
dd { margin: 0 }
blockquote { margin: 0 0 1.4rem; padding-left: 1rem; border-left: 3px solid var(--line) }
blockquote p { margin: 0 }
blockquote footer { color: var(--faint); font-size: .85rem }
.stars { font-size: 1.15rem; letter-spacing: .1em }
.error { color: var(--error); font-weight: 600 }
.served { color: var(--faint); font-size: .85rem }
@media (max-width: 44rem) { .columns { grid-template-columns: 1fr } }
`.replaceAll("\n", "");
