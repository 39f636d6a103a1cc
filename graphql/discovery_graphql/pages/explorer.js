// Starts GraphiQL on our own endpoint; everything it loads comes from this host.
"use strict";
const followed = new URL("/graphql", window.location.href);
followed.protocol = followed.protocol.replace("http", "ws");
// Queries go by HTTP, subscriptions by graphql-transport-ws; both show what stands under Headers.
const sender = GraphiQL.createFetcher({
  url: "/graphql",
  subscriptionUrl: followed.href,
  enableIncrementalDelivery: false,
});
// When another tab is opened, GraphiQL 3.8 still names the operation of the tab before.
const named = ({ query, operationName }) =>
  new RegExp(`\\b(query|mutation|subscription)\\s+${operationName}\\b`).test(query);
const fetcher = (asked, more) =>
  sender(named(asked) ? asked : { query: asked.query, variables: asked.variables }, more);
const search = `# Search with facets; Ctrl-Space completes, Ctrl-Enter runs.
query Start {
  search(text: "sea ice", first: 10) {
    totalCount { value exact }
    nodes { id kind title missions }
    facets { label buckets { value label count } }
  }
}
`;
const harvests = `# Follow harvests as they go on. For operators: say {"Authorization": "Bearer TOKEN"} under Headers.
subscription Harvests {
  harvestProgress { id source status seen added updated message }
}
`;
const start = (published) => {
  const defaultTabs = [search, harvests, ...published].map((query) => ({ query }));
  ReactDOM.createRoot(document.getElementById("graphiql")).render(
    React.createElement(GraphiQL, { fetcher, defaultQuery: search, defaultTabs }),
  );
};
// A tab for each published operation; without them there is still something to begin with.
fetch("/graphql/files/examples.json")
  .then((answer) => (answer.ok ? answer.json() : []))
  .catch(() => [])
  .then(start);
