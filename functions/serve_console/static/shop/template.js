// The template of a text, checked before the API does. Pure.

export const PLACEHOLDERS = ["name", "code", "item", "currency", "amount"];

// Returns null, or what is wrong: {problem: "required"}, {problem: "brackets"} or {problem: "unknown", name}.
export function templateProblem(template) {
  if (!template.trim()) return { problem: "required" };
  const text = template.replaceAll("{{", "").replaceAll("}}", "");
  const unknown = [...text.matchAll(/\{([^{}]*)\}/g)].map(([, name]) => name).find((name) => !PLACEHOLDERS.includes(name));
  if (unknown !== undefined) return { problem: "unknown", name: unknown };
  return /[{}]/.test(text.replace(/\{[^{}]*\}/g, "")) ? { problem: "brackets" } : null;
}
