// Shows openapi.json of the server that this page came from, whatever name it was reached by.
const answer = await fetch("openapi.json");
const spec = await answer.json();
spec.servers = [{ url: location.origin }];
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
SwaggerUIBundle({
  spec,
  dom_id: "#viewer",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  // Otherwise the document is sent to a validator on the internet.
  validatorUrl: null,
});
