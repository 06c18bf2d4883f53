"""The error codes of the HTTP service, and of who may use it."""

from overtide.schemas.error_codes.explained import USAGE, Explained

CODES = {
    "address_in_use": Explained(
        "service",
        "Nothing can listen on the address: it is taken, or not this machine's.",
        "Stop what listens there, or choose another `--port` or `--host`.",
        exit_codes=USAGE,
    ),
    "changed_meanwhile": Explained(
        "service",
        "A definition was changed by another since it was read.",
        "Read it again, and send the change with its version.",
        (409,),
    ),
    "forbidden": Explained(
        "service",
        "The role of the token is too small for the operation.",
        "Ask an Admin for a token of a greater role (docs/api.md, Who may do what).",
        (403,),
    ),
    "invalid_path": Explained(
        "service", "The path of a request is not UTF-8.", "Encode it as UTF-8, then with `%`."
    ),
    "missing_extra": Explained(
        "service",
        "A part that is not always installed is needed.",
        "Install it as the message says.",
    ),
    "not_offered": Explained(
        "service",
        "The operation is one of Customer Insights' API that is not offered.",
        "The message says what to do instead; docs/api.md lists what is offered.",
        (501,),
    ),
    "unauthorized": Explained(
        "service",
        "A request has no token, or one that is unknown or revoked.",
        "Send `Authorization: Bearer TOKEN`; `overtide token create` makes one.",
        (401,),
    ),
    "unknown_attribute": Explained(
        "service",
        "The entity has no attribute of that name.",
        "`GET …/manage/entities/{entityName}` shows them.",
        (404,),
    ),
    "unknown_data_source": Explained(
        "service",
        "There is no data source of that id or name.",
        "`GET …/manage/datasources` shows them.",
        (404,),
    ),
    "unknown_instance": Explained(
        "service",
        "The path names another instance than the one that is served.",
        "`GET /v1/instances` shows its id; it is that of `overtide.yaml`.",
        (404,),
    ),
    "unknown_parameter": Explained(
        "service",
        "The operation has no parameter of that name.",
        "Leave it out, or correct its name; none is ignored.",
    ),
    "unknown_path": Explained(
        "service", "There is nothing at the path.", "`/openapi.json` lists what there is.", (404,)
    ),
    "unknown_relationship": Explained(
        "service",
        "There is no relationship of that name.",
        "`GET …/manage/relationships` shows them.",
        (404,),
    ),
    "unknown_role": Explained(
        "service", "There is no role of that name.", "Take one that is named.", exit_codes=USAGE
    ),
    "unknown_token": Explained(
        "service", "There is no token with that id.", "`overtide token list` shows the ids.", (404,)
    ),
    "unsupported_media_type": Explained(
        "service",
        "A body is not JSON in UTF-8, or is not called so.",
        "Send it as `application/json`.",
        (415,),
    ),
    "wrong_method": Explained(
        "service", "The path is there, with other methods.", "Take one that is named.", (405,)
    ),
    "entity_not_found": Explained(
        "service", "No row of the table has the key.", "Check the key, and its type.", (404,)
    ),
    "invalid_link": Explained(
        "service",
        "A link to a file of a table was changed, is another project's, or has ended.",
        "Ask for new ones with `proxy=true`.",
        (403,),
    ),
    "invalid_query": Explained(
        "service",
        "A query option is not OData, names what is not there, or cannot be worked out: a number "
        "is too large for its type, or a pattern is none of RE2.",
        "Write it as [docs/odata.md](odata.md) shows; `$metadata` lists properties and types.",
    ),
    "invalid_search_index": Explained(
        "service",
        "A search index names an entity or attribute that is not there, or is no index.",
        "Send what `GET manage/search` gives, changed.",
    ),
    "invalid_skiptoken": Explained(
        "service",
        "A `$skiptoken` was changed, or is of another query.",
        "Follow `@odata.nextLink` as it is, or begin without `$skiptoken`.",
    ),
    "not_acceptable": Explained(
        "service",
        "The answer cannot be given in any form that `Accept` or `$format` names.",
        "Take one that the message names.",
        (406,),
    ),
    "not_kept": Explained(
        "service",
        "A table without history was made anew by a refresh, and its earlier rows are gone.",
        "Ask without `asOf`; begin a list anew where a next link led here.",
    ),
    "query_not_supported": Explained(
        "service",
        "A part of OData that is not served.",
        "[docs/odata.md](odata.md) lists what is; SQL does the rest.",
    ),
    "query_too_large": Explained(
        "service",
        "A page would hold more than 100,000 expanded activities.",
        "Give `$expand` a `$top`, or ask for fewer customers at once.",
    ),
    "query_too_slow": Explained(
        "service",
        "A query took longer than 30 seconds, and was stopped.",
        "Ask by a key or with a narrower `$filter`, or use SQL.",
    ),
    "secret_unavailable": Explained(
        "service",
        "The secret that signs links cannot be read or made.",
        "Let the service write the project's `access/links.key`, or read without `proxy=true`.",
        (503,),
    ),
    "stream_behind": Explained(
        "service",
        "More than 100,000 accepted events are not in the lake yet, too many to lay over a table.",
        "Run `overtide stream`, or `overtide serve` without `--only`.",
        (503,),
    ),
    "too_many_reads": Explained(
        "service",
        "Other queries of whole tables took all the time there was.",
        "Ask again later; customers by their keys are always answered.",
        (503,),
    ),
}
