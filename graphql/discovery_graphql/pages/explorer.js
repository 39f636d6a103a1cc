// Starts GraphiQL on our own endpoint; everything it loads comes from this host.
"use strict";
const followed = new URL("/graphql", window.location.href);
followed.protocol = followed.protocol.replace("http", "ws");
// Queries go by HTTP, subscriptions by graphql-transport-ws; both show what stands under Headers.
const fetcher = GraphiQL.createFetcher({
  url: "/graphql",
  subscriptionUrl: followed.href,
  enableIncrementalDelivery: false,
});
const search = `# Search with facets; Ctrl-Space completes, Ctrl-Enter runs.
{
  search(text: "sea ice", first: 10) {
    totalCount { value exact }
    nodes { id kind title missions }
    facets { label buckets { value label count } }
  }
}
`;
const harvests = `# Follow harvests as they go on. For operators: say {"Authorization": "Bearer TOKEN"} under Headers.
subscription {
  harvestProgress { id source status seen added updated message }
}
`;
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, { fetcher, defaultQuery: search, defaultTabs: [{ query: search }, { query: harvests }] }),
);
