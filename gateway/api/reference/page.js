// Shows openapi.json: operations by tag, with their parameters, bodies and answers. Every text becomes a text node.
"use strict";

const DEPTH = 6;
let components = {};

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function resolved(schema) {
  while (schema && schema.$ref) schema = components[schema.$ref.split("/").pop()];
  const real = (schema?.anyOf || []).filter((one) => one.type !== "null");
  return real.length === 1 ? { ...schema, ...resolved(real[0]), anyOf: undefined } : schema || {};
}

function typeOf(schema) {
  schema = resolved(schema);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(" | ");
  if (schema.type === "array") return `array of ${typeOf(schema.items)}`;
  return schema.type || "any";
}

function limits(schema) {
  schema = resolved(schema);
  const names = { minimum: "≥", maximum: "≤", minLength: "length ≥", maxLength: "length ≤", pattern: "matches", default: "default" };
  return Object.entries(names)
    .filter(([name]) => schema[name] !== undefined && schema[name] !== null)
    .map(([name, word]) => `${word} ${schema[name]}`)
    .join(", ");
}

function fields(schema, depth = 0) {
  schema = resolved(schema);
  if (schema.type === "array") schema = resolved(schema.items);
  const table = element("table");
  for (const [name, field] of Object.entries(schema.properties || {})) {
    const needed = (schema.required || []).includes(name) ? " required" : "";
    const told = element("td", {}, [limits(field), resolved(field).description || ""].filter(Boolean).join(". "));
    const inner = resolved(field).type === "array" ? resolved(resolved(field).items) : resolved(field);
    if (inner.properties && depth < DEPTH) {
      told.append(element("details", {}, element("summary", {}, "fields"), fields(inner, depth + 1)));
    }
    table.append(element("tr", {}, element("td", {}, element("code", {}, name)), element("td", {}, typeOf(field) + needed), told));
  }
  return table;
}

function part(title, content) {
  return element("details", { open: "" }, element("summary", {}, title), content);
}

function parameters(list) {
  const table = element("table");
  for (const one of list) {
    const name = element("code", {}, one.name);
    table.append(element("tr", {}, element("td", {}, name), element("td", {}, `${one.in}: ${typeOf(one.schema)}`),
      element("td", {}, [limits(one.schema), one.description || ""].filter(Boolean).join(". "))));
  }
  return table;
}

function command(verb, path, operation) {
  const lines = [`curl ${verb === "get" ? "" : `-X ${verb.toUpperCase()} `}${location.origin}${path}`];
  if (!operation.security || operation.security.length) lines.push('-H "Authorization: Bearer $KEY"');
  const body = operation.requestBody?.content || {};
  if (body["application/json"]) lines.push("-H 'Content-Type: application/json' -d @body.json");
  if (body["multipart/form-data"]) lines.push("-F file=@notes.md");
  return element("pre", {}, lines.join(" \\\n  "));
}

function section(verb, path, operation, id) {
  const title = element("h3", {}, element("span", { class: `verb ${verb}` }, verb.toUpperCase()), " ", element("code", {}, path));
  const made = element("section", { id }, title, element("p", {}, operation.summary || ""), command(verb, path, operation));
  if (operation.parameters) made.append(part("Parameters", parameters(operation.parameters)));
  for (const [kind, content] of Object.entries(operation.requestBody?.content || {})) made.append(part(`Body, ${kind}`, fields(content.schema)));
  for (const [status, answer] of Object.entries(operation.responses || {})) {
    const schema = answer.content?.["application/json"]?.schema;
    const known = schema && Object.keys(resolved(schema)).length;
    if (known && status < 300) made.append(part(`Answer ${status}`, fields(schema)));
  }
  return made;
}

function show(description) {
  components = description.components?.schemas || {};
  document.getElementById("description").textContent = description.info.description;
  const contents = document.getElementById("contents");
  const operations = document.getElementById("operations");
  for (const [path, verbs] of Object.entries(description.paths)) {
    for (const [verb, operation] of Object.entries(verbs)) {
      const id = `${verb}${path}`;
      const label = [element("span", { class: `verb ${verb}` }, verb.toUpperCase()), path];
      contents.append(element("li", {}, element("a", { href: `#${encodeURI(id)}` }, ...label)));
      operations.append(section(verb, path, operation, id));
    }
  }
}

document.getElementById("filter").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase();
  for (const entry of document.querySelectorAll("#contents li")) entry.hidden = !entry.textContent.toLowerCase().includes(wanted);
});
fetch("openapi.json").then((answer) => answer.json()).then(show);
