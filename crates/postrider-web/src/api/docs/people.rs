//! Descriptions of users, sessions, portal links and set-up.

use serde_json::json;

use crate::api::portal_links::{LINK, LINK_TOKEN};
use crate::api::sessions::SIGN_IN;
use crate::api::setup::SETUP;
use crate::api::users::{CHANGE, PASSWORDS, REDEEM, USER};
use crate::api::wire::account::{FoundedOut, PortalLinkOut, SessionOut, UserOut};
use crate::openapi::field::Field;
use crate::openapi::operation::{Operation, Tag};
use crate::openapi::schema;

const USER_ID: Field = Field::new("id", schema::user_id, "The user's id.");

fn operation(id: &'static str, summary: &'static str, description: &'static str) -> Operation {
    Operation::new(id, Tag::People, summary, description)
}

pub(crate) fn list_users() -> Operation {
    operation("listUsers", "List users", "The users of a merchant, newest first.")
        .lists::<UserOut<'static>>(&[], "A page of users.")
}

pub(crate) fn create_user() -> Operation {
    operation(
        "createUser",
        "Add a user",
        "With a password, or without one: then the answer holds an invitation, whose token lets \
         whoever has it choose a password once, within three days.",
    )
    .body(&USER)
    .example(json!({ "email": "ann@example.com", "role": "developer" }))
    .answers::<UserOut<'static>>(201, "The user.")
    .problem(409, "There is a user with this e-mail address: `email_taken`.")
}

pub(crate) fn show_user() -> Operation {
    operation("getUser", "Show a user", "One user of a merchant.")
        .path(USER_ID)
        .answers::<UserOut<'static>>(200, "The user.")
}

pub(crate) fn update_user() -> Operation {
    operation(
        "updateUser",
        "Change a user",
        "Another role, or disabling, ends the user's sessions at once.",
    )
    .path(USER_ID)
    .body(&CHANGE)
    .answers::<UserOut<'static>>(200, "The user as it is now.")
    .problem(409, "The only owner who can sign in stays one: `last_owner`.")
}

pub(crate) fn delete_user() -> Operation {
    operation("deleteUser", "Delete a user", "The user's sessions end at once.")
        .path(USER_ID)
        .answers_nothing("It is deleted.")
        .problem(409, "The only owner who can sign in stays: `last_owner`.")
}

pub(crate) fn invite_user() -> Operation {
    operation(
        "inviteUser",
        "Invite a user again",
        "Makes a new invitation; an earlier one stops working. Also the way back for who has \
         forgotten the password, which stays until the invitation is redeemed.",
    )
    .path(USER_ID)
    .optional_body(&[])
    .answers::<UserOut<'static>>(201, "The user, with the invitation.")
}

pub(crate) fn change_password() -> Operation {
    operation(
        "changePassword",
        "Change one's own password",
        "Every other session of the user ends.",
    )
    .body(&PASSWORDS)
    .answers_nothing("It is changed.")
    .problem(409, "Who came through a portal link has no password: `no_password`; or `conflict`.")
    .problem(429, "Too many attempts failed: `too_many_attempts`. Wait for `Retry-After`.")
}

pub(crate) fn redeem_invitation() -> Operation {
    operation("redeemInvitation", "Choose a password", "Uses an invitation up. Sign in afterwards.")
        .body(&REDEEM)
        .answers::<UserOut<'static>>(200, "The user.")
        .problem(409, "The user was changed meanwhile: `conflict`.")
        .problem(
            422,
            "`invalid_token` when it is unknown, used or expired; or the password is refused.",
        )
}

pub(crate) fn sign_in() -> Operation {
    operation(
        "signIn",
        "Sign in",
        "Answers a token to send like an API key. It ends after 30 minutes without use and after \
         12 hours in any case.",
    )
    .body(&SIGN_IN)
    .answers::<SessionOut<'static>>(201, "The session, with its token.")
    .problem(401, "One same answer whatever is wrong: `sign_in_failed`.")
    .problem(422, "The request was read and is not allowed; `field` says where.")
    .problem(429, "Too many attempts failed: `too_many_attempts`. Wait for `Retry-After`.")
}

pub(crate) fn show_session() -> Operation {
    operation("getSession", "Show one's session", "Who is signed in, where, and until when.")
        .answers::<SessionOut<'static>>(200, "The session.")
}

pub(crate) fn sign_out() -> Operation {
    operation("signOut", "Sign out", "The session ends at once.").answers_nothing("It has ended.")
}

pub(crate) fn create_link() -> Operation {
    operation(
        "createPortalLink",
        "Make a portal link",
        "Lets somebody a platform knows into the admin without a password, once and soon.",
    )
    .body(&LINK)
    .example(json!({ "role": "viewer", "email": "ann@example.com" }))
    .answers::<PortalLinkOut<'static>>(201, "The link; its token is shown once.")
}

pub(crate) fn redeem_link() -> Operation {
    operation("redeemPortalLink", "Follow a portal link", "Uses a portal link up.")
        .body(&LINK_TOKEN)
        .answers::<SessionOut<'static>>(201, "A session with the role the link says.")
        .problem(422, "`invalid_token` when it is unknown, used or expired.")
}

pub(crate) fn set_up() -> Operation {
    operation(
        "setUp",
        "Set an empty installation up",
        "With the code that `postrider serve` printed, once and within an hour: the first \
         merchant, its owner and the first keys.",
    )
    .body(&SETUP)
    .answers::<FoundedOut<'static>>(201, "What was made; the keys are shown once.")
    .problem(409, "It is set up already: `already_set_up`.")
    .problem(422, "`invalid_setup_code`, or something else is refused; `field` says where.")
}
