"use strict";

// Shows /openapi.json with Swagger UI. "Authorize" signs in at the issuer with authorization code and PKCE. Only this page's
// memory holds the token.

// Swagger UI puts the links of operations and tags inside buttons, which is not accessible. Plain text replaces them; opening
// an operation still puts its address in the location bar.
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
      // Issuers do not allow this header from other origins.
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
  document.querySelector("#reference").textContent = `The reference did not load: ${error.message}. Reload the page to try again.`;
});
