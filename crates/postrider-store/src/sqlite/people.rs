//! The people, as closures for the writer and the readers. The verbs themselves are in `users`,
//! `sessions` and `portal`.

use async_trait::async_trait;
use postrider_core::audit::Stamp;
use postrider_core::ids::{MerchantId, SessionId, UserId};
use postrider_core::password::PasswordHash;
use postrider_core::time::Timestamp;

use super::{Sqlite, portal, sessions, users};
use crate::accounts::{Accounts, Digest, Entry, Invitation, PortalLink, Session, User, UserChange};
use crate::catalog::{Page, PageAsk};
use crate::error::Result;

#[async_trait]
impl Accounts for Sqlite {
    async fn create_user(
        &self,
        user: User,
        invitation: Option<Invitation>,
        stamp: Stamp,
    ) -> Result<()> {
        self.writer.run(move |desk| users::create(desk, &user, invitation, &stamp)).await
    }

    async fn user(&self, merchant: MerchantId, id: UserId) -> Result<User> {
        self.readers.run(move |reader| users::one(reader, merchant, id)).await
    }

    async fn user_by_email(&self, email: String) -> Result<User> {
        self.readers.run(move |reader| users::by_email(reader, &email)).await
    }

    async fn users(&self, merchant: MerchantId, ask: PageAsk) -> Result<Page<User>> {
        self.readers.run(move |reader| users::list(reader, merchant, ask)).await
    }

    async fn update_user(
        &self,
        merchant: MerchantId,
        id: UserId,
        change: UserChange,
        stamp: Stamp,
    ) -> Result<User> {
        self.writer.run(move |desk| users::update(desk, merchant, id, change, &stamp)).await
    }

    async fn delete_user(&self, merchant: MerchantId, id: UserId, stamp: Stamp) -> Result<()> {
        self.writer.run(move |desk| users::delete(desk, merchant, id, &stamp)).await
    }

    async fn set_password(
        &self,
        user: &User,
        hash: PasswordHash,
        keep: Option<SessionId>,
        stamp: Stamp,
    ) -> Result<()> {
        let user = user.clone();
        let set = move |desk: &mut _| users::set_password(desk, &user, &hash, keep, &stamp);
        self.writer.run(set).await
    }

    async fn invite_user(
        &self,
        merchant: MerchantId,
        id: UserId,
        invitation: Invitation,
        stamp: Stamp,
    ) -> Result<User> {
        self.writer.run(move |desk| users::invite(desk, merchant, id, invitation, &stamp)).await
    }

    async fn invited_user(&self, token: Digest, now: Timestamp) -> Result<User> {
        self.readers.run(move |reader| users::invited(reader, token, now)).await
    }

    async fn redeem_invitation(
        &self,
        token: Digest,
        hash: PasswordHash,
        stamp: Stamp,
    ) -> Result<User> {
        self.writer.run(move |desk| users::redeem_invitation(desk, token, &hash, &stamp)).await
    }

    async fn begin_session(
        &self,
        session: Session,
        credentials_version: u64,
        stamp: Stamp,
    ) -> Result<()> {
        let begin =
            move |desk: &mut _| sessions::begin(desk, &session, credentials_version, &stamp);
        self.writer.run(begin).await
    }

    async fn session_by_digest(&self, token: Digest, now: Timestamp) -> Result<Session> {
        self.readers.run(move |reader| sessions::by_digest(reader, token, now)).await
    }

    async fn touch_session(&self, id: SessionId, now: Timestamp) -> Result<()> {
        self.writer.run(move |desk| sessions::touch(desk, id, now)).await
    }

    async fn end_session(&self, id: SessionId, stamp: Stamp) -> Result<()> {
        self.writer.run(move |desk| sessions::end(desk, id, &stamp)).await
    }

    async fn create_portal_link(&self, link: PortalLink, stamp: Stamp) -> Result<()> {
        self.writer.run(move |desk| portal::create(desk, &link, &stamp)).await
    }

    async fn redeem_portal_link(&self, link: Digest, entry: Entry) -> Result<Session> {
        self.writer.run(move |desk| portal::redeem(desk, link, entry)).await
    }
}
