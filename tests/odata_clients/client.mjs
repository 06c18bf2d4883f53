// Reads the service with @odata/client, which no one here wrote; prints what it found as JSON.
import odata from "@odata/client";

const { OData } = odata;
const [url, token] = process.argv.slice(2);
const client = OData.New4({
  serviceEndpoint: url,
  commonHeaders: { Authorization: `Bearer ${token}` },
});

async function pages(collection) {
  const found = [];
  let page = await client.newRequest({
    collection,
    headers: { Prefer: "odata.maxpagesize=4" },
  });
  for (;;) {
    found.push(...page.value);
    const next = page["@odata.nextLink"];
    if (!next) return found;
    const answer = await fetch(next, {
      headers: { Authorization: `Bearer ${token}`, Prefer: "odata.maxpagesize=4" },
    });
    page = await answer.json();
  }
}

async function asked(params) {
  return (await client.newRequest({ collection: "Customer", params })).value;
}

const some = client.newFilter().property("Points").gt(2).property("EMail").ne("c@x");
const one = client.newFilter().property("EMail").eq("p1@x");
const sets = await client.newRequest({ collection: "" }).catch(() => null);
const found = {
  sets: sets ? sets.value.map((set) => set.name).sort() : null,
  everyone: (await pages("Customer")).map((row) => row.CustomerId),
  points: (
    await asked(client.newParam().filter(some).orderby("Points", "desc").top(3).select("Points"))
  ).map((row) => row.Points),
  spent: (
    await asked(client.newParam().filter(client.newFilter().property("Points").eq(2)))
  ).map((row) => String(row.Spent)),
  titles: (await asked(client.newParam().filter(one).expand("UnifiedActivity")))
    .flatMap((row) => row.UnifiedActivity.map((entry) => entry.Title))
    .sort(),
};
console.log(JSON.stringify(found));
