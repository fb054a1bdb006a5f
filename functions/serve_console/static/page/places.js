// The browser's history: one entry for each place that a person went to, and no other.

let here = "";
let show = null;

// The entry's own state says from which address a person came. Entries without state are new.
function mark() {
  if (history.state === null) history.replaceState({ from: here || null }, "");
}

// Calls `shown()` now, and whenever a person goes somewhere else.
export function begin(shown) {
  if (!show) {
    history.scrollRestoration = "manual"; // lists do that once they have their rows
    window.addEventListener("hashchange", () => {
      mark();
      show();
    });
  }
  show = shown;
  mark();
  show();
}

// Says that this address is shown: the browser's own may say more, as a person typed it, or less.
export function at(address) {
  here = address;
  if (location.hash && location.hash !== address) history.replaceState(history.state, "", address);
}

export function go(address) {
  location.hash = address;
}

// Shows an address in place of the present one, which nobody wants to go back to, such as a form that was sent.
export function replace(address) {
  history.replaceState(history.state, "", address);
  show();
}

// Returns to the list behind what is shown: back to it if a person came from there.
export function leave(home) {
  if (history.state?.from === home) history.back();
  else replace(home);
}
