// Draws the reference of this very server. Nothing is fetched from anywhere else: no fonts, no proxy, no telemetry.
Scalar.createApiReference('#reference', {
  url: '/openapi.json',
  servers: [{ url: window.location.origin, description: 'This server' }],
  withDefaultFonts: false,
  telemetry: false,
  proxyUrl: '',
  hideClientButton: true,
  showDeveloperTools: 'never',
  agent: { disabled: true },
  mcp: { disabled: true },
  persistAuth: false,
  authentication: { preferredSecurityScheme: 'token' },
  defaultHttpClient: { targetKey: 'shell', clientKey: 'curl' },
  metaData: { title: 'Waypost API reference' },
});
