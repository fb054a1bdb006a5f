// What a person has typed into forms and not sent.

// Of pages outside the drawer, by their section. Leaving the browser's page asks; signing out forgets them.
export const pageDrafts = new Map();

const named = (form) => [...form.elements].filter((control) => control.name && !control.disabled);

function isChanged(control) {
  if (control.type === "checkbox" || control.type === "radio") return control.checked !== control.defaultChecked;
  if (control.tagName !== "SELECT") return control.value !== control.defaultValue;
  const first = [...control.options].findIndex((option) => option.defaultSelected);
  return control.selectedIndex !== Math.max(first, 0);
}

// Returns the changed values of each form in this element, or null if nothing was typed. A form that is being sent has none.
export function draftOf(element) {
  const forms = [...element.querySelectorAll("form")].map((form) =>
    form.getAttribute("aria-busy") === "true" ? [] : named(form).filter(isChanged).map((control) => [control.name, control.type === "checkbox" ? control.checked : control.value]));
  return forms.some((changes) => changes.length) ? forms : null;
}

// Types a draft into the forms of this element again. Returns whether there was one to type it into.
export function restore(element, draft) {
  const forms = [...element.querySelectorAll("form")];
  forms.forEach((form, index) => {
    for (const [name, value] of draft[index] ?? []) {
      const control = named(form).find((candidate) => candidate.name === name);
      if (control) control[typeof value === "boolean" ? "checked" : "value"] = value;
    }
    form.dispatchEvent(new Event("input", { bubbles: true }));
  });
  return forms.length > 0;
}
