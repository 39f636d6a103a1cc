// Starts GraphiQL on our own endpoint; everything it loads comes from this host.
"use strict";
const fetcher = async (asked) => {
  const answer = await fetch("/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify(asked),
  });
  return answer.json();
};
const example = `# Search with facets; Ctrl-Space completes, Ctrl-Enter runs.
{
  search(text: "sea ice", first: 10) {
    totalCount { value exact }
    nodes { id kind title missions }
    facets { label buckets { value label count } }
  }
}
`;
ReactDOM.createRoot(document.getElementById("graphiql")).render(
  React.createElement(GraphiQL, { fetcher, defaultQuery: example }),
);
