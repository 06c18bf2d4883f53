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
    "body_too_slow": Explained(
        "service",
        "The body of a request did not come to its end in time.",
        "Send it at once; it must be as long as `Content-Length` says.",
        (408,),
    ),
    "head_too_large": Explained(
        "service",
        "The path and the headers of a request are longer than 64 KiB.",
        "Send fewer or shorter headers.",
        (431,),
    ),
    "head_too_slow": Explained(
        "service",
        "The path and the headers of a request did not come to their end in time.",
        "Send them at once.",
        (408,),
    ),
    "overloaded": Explained(
        "service",
        "The server works on as many requests as it takes at a time.",
        "Try again after `Retry-After`; nothing was done.",
        (503,),
    ),
    "rate_limited": Explained(
        "service",
        "A principal or caller sent more requests than its limit.",
        "Try again after `Retry-After`; the header `RateLimit` tells what is left (docs/api.md).",
        (429,),
    ),
    "service_file_unusable": Explained(
        "service",
        "The file of usage or of the audit cannot be read or written.",
        "Check that the disk is not full and that the file belongs to who runs the command.",
        (503,),
    ),
}
