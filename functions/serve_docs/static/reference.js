"use strict";

// Shows /openapi.json with Swagger UI; "Authorize" signs in at the issuer with authorization code and PKCE. The token
// stays in this page's memory and is gone with it.

// An operation's path and a tag's name are links within buttons: nothing may be pressed within what is pressed. Opening one
// still puts its address into the location bar.
const plainNames = ({ React }) => ({ components: { DeepLink: ({ text }) => React.createElement("span", null, text) } });

async function show() {
  const config = await (await fetch("/docs/config.json")).json();
  const ui = SwaggerUIBundle({
    url: "/openapi.json",
    dom_id: "#reference",
    deepLinking: true,
    plugins: [plainNames],
    defaultModelsExpandDepth: 0,
    displayRequestDuration: true,
    oauth2RedirectUrl: `${location.origin}/docs/oauth2-redirect`,
    requestInterceptor(request) {
      // Not among the headers that a sign-in allows other origins to send.
      delete request.headers["X-Requested-With"];
      return request;
    },
    validatorUrl: null,
  });
  ui.initOAuth({
    clientId: config.client_id,
    scopes: "sales:read sales:write",
    usePkceWithAuthorizationCodeGrant: true,
  });
}

show().catch((error) => {
  document.querySelector("#reference").textContent = `The reference cannot be shown: ${error.message}`;
});
