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
    responseInterceptor(response) {
      // The contract names one address of the deployment. This page may have been opened at another one, and its policy lets
      // it talk to its own origin only. Nor may it read the issuer's discovery document, so it gets the endpoints here.
      if (response.url === `${location.origin}/openapi.json`) {
        const contract = JSON.parse(response.text);
        contract.servers = [{ url: location.origin }];
        const schemes = contract.components.securitySchemes;
        schemes.okta = {
          type: "oauth2",
          description: schemes.okta.description,
          flows: {
            authorizationCode: {
              authorizationUrl: config.authorization_endpoint,
              tokenUrl: config.token_endpoint,
              scopes: schemes.okta["x-scopes"],
            },
          },
        };
        response.text = JSON.stringify(contract);
      }
      return response;
    },
    validatorUrl: null,
  });
  ui.initOAuth({
    clientId: config.client_id,
    scopes: "sales:read sales:write sales:manage",
    usePkceWithAuthorizationCodeGrant: true,
  });
}

show().catch((error) => {
  document.querySelector("#reference").textContent = `The reference did not load: ${error.message}. Reload the page to try again.`;
});
