// A tab that stays open while liqalert is upgraded would go on with its old script for months. So the page loads itself
// anew when the server has another one.

const TRIED = "liqalert-page";
const OLD = "this page is of another version than the liqalert that answers, also after it was loaded anew.";

// served: which page the server has. Gives what is to be said where loading it did not help, as when a cache on the way
// has kept the old one; else null.
export function keepUp(served) {
  if (!served || served === document.documentElement.dataset.page) return null;
  try {
    if (sessionStorage.getItem(TRIED) === served) return OLD;
    sessionStorage.setItem(TRIED, served);
  } catch {
    // Without a memory of its own it would load itself again and again.
    return OLD;
  }
  location.reload();
  return null;
}
