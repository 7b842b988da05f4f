// What the browser keeps for this page: the settings, not what was said. Where it keeps nothing, the page works without.

export function kept(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`headrace.${name}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function keep(name, value) {
  try {
    localStorage.setItem(`headrace.${name}`, JSON.stringify(value));
  } catch {
    // private windows keep nothing
  }
}
