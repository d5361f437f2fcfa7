//! A poll that the origin holds for longer than it should: ordinary polls go on beside it, so that nothing is missed of what it
//! lists meanwhile, and what comes of it in the end is taken in as ever.

use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use crate::recorder::http::fetch::Hop;
use crate::recorder::http::fetch::ask::Ask;
use crate::recorder::poll::poller::Poller;
use crate::recorder::poll::state::blocking::Held;
use crate::recorder::poll::state::overdue::{Asked, Overdue, Request};

impl Poller {
    /// Asks for what the origin holds; what is overdue comes back as that.
    pub(super) async fn ask_held(&mut self, ask: &Ask, held: Held) -> Result<Vec<Hop>, Request> {
        let until = self.context.stop.child_token();
        let mut ask = ask.clone();
        if let Some(held) = &mut ask.held {
            held.until = until.clone();
        }
        let fetcher = self.context.fetcher.clone();
        let chain = async move { fetcher.chain(&ask).await };
        let chain = AbortOnDropHandle::new(tokio::spawn(chain.in_current_span()));
        let mut request = Request::new(chain, until);
        let hops = self.telling(timeout(held.overdue, request.answer())).await;
        hops.map_err(|_| request)
    }

    /// Ordinary polls are made from now on.
    pub(super) fn goes_on_beside(&mut self, asked: Asked, held: Held, request: Request) {
        let label = &self.playlist.label;
        tracing::debug!("{label:?}: a blocking request is overdue; it is polled beside");
        self.overdue = Some(Overdue {
            asked,
            held,
            request,
            has_others: false,
        });
        self.poll_times.asked(None);
    }

    /// Whether the first poll beside one that is overdue is due.
    pub(super) fn begins_beside(&mut self) -> bool {
        let overdue = self.overdue.as_mut();
        overdue.is_some_and(|overdue| !std::mem::replace(&mut overdue.has_others, true))
    }

    /// What came of a poll beside which others were made.
    pub(in crate::recorder::poll) async fn overdue_came(&mut self, hops: Vec<Hop>) {
        if let Some(Overdue { asked, held, .. }) = self.overdue.take() {
            self.blocking.resume(held);
            self.came(asked, hops).await;
        }
    }

    /// Nothing that is overdue is waited for any more.
    pub(in crate::recorder::poll) async fn end_overdue(&mut self) {
        if let Some(overdue) = &mut self.overdue {
            let hops = overdue.request.let_go().await;
            self.overdue_came(hops).await;
        }
    }
}
