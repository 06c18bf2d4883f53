"""The error codes of the HTTP service, and of who may use it."""

from overtide.schemas.error_codes.explained import USAGE, Explained

CODES = {
    "access_unavailable": Explained(
        "service",
        "The database of tokens, roles and keys is locked or damaged.",
        "Send the request again, see what locks it, or restore it from a backup.",
        (503,),
    ),
    "address_in_use": Explained(
        "service",
        "Nothing can listen on the address: it is taken, or not this machine's.",
        "Stop what listens there, or choose another `--port` or `--host`.",
        exit_codes=USAGE,
    ),
    "body_too_slow": Explained(
        "service",
        "The body of a request did not come to its end in time.",
        "Send it at once; it must be as long as `Content-Length` says.",
        (408,),
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
    "forged_request": Explained(
        "service",
        "A change was not sent from a page of the session that is open, but from another site.",
        "Load the page again, and change it there.",
        (403,),
    ),
    "head_too_large": Explained(
        "service",
        "The address of a request and its headers have more than 64 KiB.",
        "Shorten the query, the token or other headers.",
        (431,),
    ),
    "invalid_assignment": Explained(
        "service",
        "A body is no RoleAssignment.",
        'Send `{"principalType": "user", "roles": ["Contributor"]}`.',
    ),
    "invalid_cron": Explained(
        "service",
        "A text of a schedule is no cron expression, or is never due.",
        "Write minute, hour, day of month, month and day of week, such as `30 2 * * MON-FRI`.",
        exit_codes=USAGE,
    ),
    "invalid_form": Explained(
        "service",
        "What a page sent cannot be read as a form in UTF-8, or has more than 1,000 fields.",
        "Load the page again, and send it from there.",
        (400,),
    ),
    "invalid_http": Explained(
        "service", "What came is no HTTP request.", "Send HTTP/1.1, over TLS where it is on."
    ),
    "invalid_path": Explained(
        "service", "The path of a request is not UTF-8.", "Encode it as UTF-8, then with `%`."
    ),
    "invalid_subscription_key": Explained(
        "service",
        "`service.require_subscription_key` is set, and a request has no key, or a wrong one.",
        "Send it as `Ocp-Apim-Subscription-Key`; `overtide key regenerate primary` makes one.",
        (401,),
    ),
    "invalid_token": Explained(
        "service",
        "A token is unknown, expired or revoked, or not one that `service.oidc` lets in.",
        "Get a new one; the message says what is wrong with this one.",
        (401,),
    ),
    "issuer_unavailable": Explained(
        "service",
        "The identity provider does not say which keys it has, so that a token cannot be verified.",
        "Send the request again; see whether `service.oidc` and the way to the provider are right.",
        (503,),
    ),
    "job_not_begun": Explained(
        "service",
        "The process that was to run a job ended before it had begun.",
        "Run `overtide jobs run ID` to see why; then submit it again.",
        (500,),
    ),
    "job_not_queued": Explained(
        "service",
        "A job that is to be run does not wait any more.",
        "Submit another one.",
        (409,),
    ),
    "last_owner": Explained(
        "service",
        "The last Owner would be none any more.",
        "Make another Owner first.",
        (409,),
    ),
    "missing_extra": Explained(
        "service",
        "A part that is not always installed is needed.",
        "Install it as the message says.",
    ),
    "no_embed_origins": Explained(
        "service",
        "A card is to be shown in a page of another system, and no page of another site may.",
        "Name the origins of such pages in `service.pages.embed_origins`.",
        (409,),
    ),
    "no_role": Explained(
        "service",
        "The identity provider knows who sends a request, and nobody gave them a role here.",
        "An Admin gives one, or `service.oidc.roles` maps one of their claims.",
        (403,),
    ),
    "not_offered": Explained(
        "service",
        "The operation is one of Customer Insights' API that is not offered.",
        "The message says what to do instead; docs/api.md lists what is offered.",
        (501,),
    ),
    "overloaded": Explained(
        "service",
        "The server works on as many requests as it takes at a time.",
        "Try again after `Retry-After`; nothing was done.",
        (503,),
    ),
    "owner_needed": Explained(
        "service",
        "Someone who is no Owner would make one, or change what one may do.",
        "Ask an Owner.",
        (403,),
    ),
    "queue_full": Explained(
        "service",
        "Too many jobs wait already.",
        "Cancel some, or submit without `forceRunRequested`: then one job does for all.",
        (503,),
    ),
    "rate_limited": Explained(
        "service",
        "A principal or caller sent more requests than its limit.",
        "Try again after `Retry-After`; the header `RateLimit` tells what is left (docs/api.md).",
        (429,),
    ),
    "repeated_credentials": Explained(
        "service",
        "A request has several tokens or several subscription keys.",
        "Send one of each.",
    ),
    "request_late": Explained(
        "service",
        "A request was begun, and its headers were not there after ten seconds.",
        "Send it at once.",
        (408,),
    ),
    "sign_in_expired": Explained(
        "service",
        "One came back from the identity provider without having begun to sign in in this browser, "
        "or a second time.",
        "Sign in again, within ten minutes, with cookies allowed.",
        (400,),
    ),
    "sign_in_refused": Explained(
        "service",
        "The identity provider does not sign somebody in, or what it sent does not hold.",
        "The message has the provider's own words; see the client and `service.oidc.sign_in`.",
        (403,),
    ),
    "too_many_attempts": Explained(
        "service",
        "Twenty attempts from one address to sign in, or to end sessions, failed within a minute.",
        "Wait until `Retry-After`, and send a token that holds.",
        (429,),
    ),
    "unauthorized": Explained(
        "service",
        "A request has no token.",
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
    "unknown_host": Explained(
        "service",
        "The `Host` of a request is no name of the service.",
        "Call it by its own name, or add the name to `service.hosts`.",
        (403,),
    ),
    "unknown_instance": Explained(
        "service",
        "The path names another instance than the one that is served.",
        "`GET /v1/instances` shows its id; it is that of `overtide.yaml`.",
        (404,),
    ),
    "unknown_job": Explained(
        "service",
        "There is no job with that id; the oldest ones are forgotten.",
        "`overtide jobs list` shows the last ones.",
        (404,),
    ),
    "unknown_key": Explained(
        "service",
        "There is no subscription key of that name.",
        "There are primary and secondary.",
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
    "unknown_principal": Explained(
        "service",
        "A principal has no assignment that could be taken away.",
        "`GET rbac/assignments` shows who has one.",
        (404,),
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
    "unknown_run": Explained(
        "service",
        "No run of that number was published.",
        "`GET …/runs` lists the last ones.",
        (404,),
    ),
    "unknown_schedule": Explained(
        "service",
        "There is no schedule with that id.",
        "`overtide schedule list` shows them.",
        (404,),
    ),
    "unknown_token": Explained(
        "service", "There is no token with that id.", "`overtide token list` shows the ids.", (404,)
    ),
    "unknown_workflow": Explained(
        "service", "There is no workflow of that name.", "Take `main`.", (404,)
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
        "A query took longer than it may, 30 seconds where nothing else is said, and was stopped.",
        "Ask by a key or with a narrower `$filter`, or use SQL.",
    ),
    "result_too_large": Explained(
        "service",
        "The result of an SQL statement has more rows or bytes than are sent.",
        "Ask for fewer rows or columns, or use `overtide sql`.",
    ),
    "secret_unavailable": Explained(
        "service",
        "The secret that signs links cannot be read or made.",
        "Let the service write the project's `access/links.key`, or read without `proxy=true`.",
        (503,),
    ),
    "stopping": Explained(
        "service",
        "The server is being stopped, so that nothing can be watched any more.",
        "Try again after `Retry-After`, when it or another one is there.",
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
    "too_many_webhooks": Explained(
        "service",
        "The project has as many webhooks as it may have.",
        "End one that nobody needs: `DELETE …/webhooks/{webhookId}`.",
        (409,),
    ),
    "unknown_webhook": Explained(
        "service",
        "There is no webhook with that id; one whose receiver said that it is gone has ended.",
        "`GET …/webhooks` shows them.",
        (404,),
    ),
    "webhook_url_refused": Explained(
        "service",
        "A webhook would lead to where nothing may be sent: no public address, or without TLS.",
        "Give a public https address, or add its host to `service.webhooks.allowed_hosts`.",
    ),
}
