use std::fmt;
use std::str::FromStr;

/// Declares the codes: variant, the text that users see, one sentence, what to do, and where that is
/// written when it is a broker's rule and not ours.
macro_rules! codes {
    ($($variant:ident $text:literal $title:literal $way_out:literal $($source:literal)?;)*) => {
        /// A stable code of a problem or a refusal; `trueup explain CODE` prints its page.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $(#[doc = $title] $variant,)* }

        impl Code {
            /// Every code, in the order of the catalogue.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The code as users see it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$variant => $text,)* }
            }

            /// What it means, in one sentence.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$variant => $title,)* }
            }

            /// What to do about it.
            pub const fn way_out(self) -> &'static str {
                match self { $(Code::$variant => $way_out,)* }
            }

            /// Where the rule is written, when it is a broker's or a standard's and not ours.
            pub const fn source(self) -> Option<&'static str> {
                match self { $(Code::$variant => source!($($source)?),)* }
            }
        }
    };
}

macro_rules! source {
    () => {
        None
    };
    ($source:literal) => {
        Some($source)
    };
}

codes! {
    // the text of a manifest
    YamlSyntax "yaml-syntax" "The text is not YAML." "Repair the line that the caret shows; indent with spaces, never with tabs." "YAML 1.2";
    YamlTooLarge "yaml-too-large" "The text goes beyond what a manifest may need: bytes, depth, nodes or alias expansion." "Split the manifest over several files of one directory; anchors may be used, but not nested into a bomb.";
    DuplicateKey "duplicate-key" "A key stands twice in one map." "Keep one of the two." "YAML 1.2, 3.2.1.1";
    FileUnreadable "file-unreadable" "A manifest file can't be read." "Check the path given with `-f`, and its rights.";
    Variable "variable" "A variable is unset, badly written or used nowhere." "Set it in the environment, with `--var NAME=VALUE` or in `--env-file`; or give a default: `${NAME:-default}`.";
    UnknownField "unknown-field" "The field is not one that trueup or the broker knows." "Take the spelling from `trueup explain KIND`.";
    MissingField "missing-field" "A field that must be there is not." "Add it.";
    WrongType "wrong-type" "The value is of another type than the field." "See `trueup explain KIND.FIELD` for what it takes.";
    UnknownValue "unknown-value" "The value is not one of those that the field takes." "Take one of those listed.";
    OutOfRange "out-of-range" "The number is below or above what the broker takes." "Take one within the range.";
    BadDuration "bad-duration" "The value is no duration." "Write a number and a unit: `500ms`, `30s`, `2m`, `12h`, `7d`, `1y`; or a plain number in the broker's unit.";
    BadSize "bad-size" "The value is no size." "Write a number and a unit: `512B`, `64KiB`, `10GiB` (powers of two) or `10MB` (powers of ten); or a plain number of bytes.";
    BadName "bad-name" "The name is not one that the broker takes." "JetStream: no space, `.`, `*`, `>`, `/` or `\\`. Kafka: letters, digits, `.`, `_` and `-`, at most 249." "ADR-6; Kafka Topic.validate";
    BadTime "bad-time" "The value is no instant." "Write it as RFC 3339: `2026-01-31T12:00:00Z`." "RFC 3339";
    DeclaredTwice "declared-twice" "The same resource is declared in two parts." "Keep one declaration; to change it for an environment, use an overlay: a later `-f`.";
    Dangling "dangling" "Something is named that the manifest does not declare." "Declare it, or repair the name.";
    SubjectOverlap "subject-overlap" "Two streams would capture the same messages (JetStream error 10065)." "Make the subjects disjoint, or let one stream source the other." "nats-server errors.json, 10065";
    FilterOutside "filter-outside-subjects" "A consumer filters on what its stream never stores." "Take a filter within the stream's subjects." "nats-server errors.json, 10093";
    FilterOverlap "filter-overlap" "Filters overlap where the broker wants them disjoint (JetStream errors 10138, 10100)." "Make the filters disjoint." "nats-server errors.json, 10100 and 10138";
    Contradiction "contradiction" "Two fields of one resource can't both hold." "Change one of them as the hint says.";
    RouteCircle "route-circle" "Routes lead back to where their messages come from: each would go round for ever." "Take one route out or narrow its subjects; where every hop is meant, say `loop_guard: header` of each route of the circle.";
    RouteOutside "route-outside-subjects" "A route reads, or publishes to, subjects that its stream does not store." "Add the subject to the stream, or take one within its subjects.";
    RouteOverlap "route-overlap" "Two routes write the same messages of a stream into one topic, so that each arrives twice." "Make their subjects disjoint, or keep one of them.";
    RouteNullKey "route-null-key" "A route writes records without a key into a topic that is compacted, which refuses them." "Say `key: subject`, `key: subject(N)` or another rule; or take `compact` out of the topic's `cleanup.policy`." "Kafka INVALID_RECORD (87)";
    RouteTooLarge "route-too-large" "A route's source may hold messages that are too large for its target." "Raise the target's limit (`max.message.bytes`, `max_msg_size`) or lower the source's; or say what becomes of such a message: `on_error`.";
    Property "property" "A connection property that trueup can't honour." "Take one of those listed." "librdkafka's CONFIGURATION.md";
    PlainSecret "plain-secret" "A password stands in the manifest itself." "Put it into a variable or a file: `password: ${NAME}` or `password_file: PATH`; and change it, for it is known to whoever read the text.";
    VersionUnknown "version-unknown" "What a field stands for can't be read from the broker, and no ledger remembers what was applied." "Name a ledger with `--ledger`; without one, a user's password is set when the user is made, and never again.";
    NothingDeclared "nothing-declared" "The manifest declares no resources, or one of its files says nothing at all." "Check the `-f` arguments; a file that is meant to declare nothing says `{}`.";

    // what a broker would refuse, said by the plan
    Immutable "immutable" "The field can't change after creation, and a resource that holds data is never replaced." "Make a new resource beside it, move the data (a stream can source another), then retire the old one." "nats-server configUpdateCheck; Kafka has no request for it";
    OneWay "one-way" "The field can be switched on but never off." "Leave it on, or make a new resource." "nats-server configUpdateCheck";
    NotReset "not-reset" "A value that nobody declares can't go back to the default, though `lifecycle: { undeclared: reset }` wants that: it never changes, or one way only, or is of a field that this trueup does not know." "Declare it as it is, or leave it to the broker (`lifecycle: { ignore: [FIELD] }`); where it must go, make a new resource beside it.";
    NeedsReplace "needs-replace" "The consumer or route can't change in place, and it can't be replaced either: only what the ledger knows to be the stack's own is deleted and made anew, and only where its place can be held meanwhile." "Apply it as it is first, with a ledger, and then change it: it is replaced, with consent. Or make one with another name." "nats-server checkConsumerCfg and updateConfig";
    PartitionsAtOnce "partitions-at-once" "More partitions at once than Kafka's controller makes in one request; asked for far more, it fails, even where it is only asked whether it would." "Raise the number in several applies, or correct it." "Kafka QuorumController MAX_RECORDS_PER_USER_OP (10,000); KAFKA-17870";
    PartitionDecrease "partition-decrease" "Kafka can't take partitions away." "Keep the number, or make a new topic and move the data." "Kafka CreatePartitions, INVALID_PARTITIONS (37); KIP-195";
    ReplicationBelowMinIsr "replication-below-min-isr" "A topic would have fewer replicas than must have a write (`min.insync.replicas`): producers with `acks=all` would be refused." "Declare a lower `min.insync.replicas` in the same plan, or more replicas." "Kafka NOT_ENOUGH_REPLICAS (19)";
    ReplicationTooHigh "replication-too-high" "There are fewer brokers than replicas asked for." "Lower the replication, or add brokers." "nats-server errors.json, 10005 and 10074; Kafka INVALID_REPLICATION_FACTOR (38)";
    ServerTooOld "server-too-old" "The field needs a newer server." "Upgrade the server, or leave the field out." "ADR-44; the KIP of a Kafka config";
    RefusedByBroker "refused-by-broker" "The broker, asked without changing anything, says no." "Change what the broker's words name." "Kafka validate_only (KIP-133, KIP-195)";
    Exists "exists-unseen" "It exists, and the broker that was read does not show it." "Plan again in a moment: after a restart or a freeze a broker lags behind its controller.";
    ParentAbsent "parent-absent" "What it lives in is not there, and this plan does not make it." "Target it too, or make it first." "nats-server errors.json, 10059";
    LockOut "lock-out" "It would take rights, or the login, away that trueup itself needs." "Leave trueup's own principal out of it." "KIP-11";
    NoAuthorizer "no-authorizer" "The cluster has no authorizer, so it can't hold ACLs." "Set `authorizer.class.name` on the brokers, or leave the ACLs out." "Kafka SECURITY_DISABLED (54)";
    Busy "busy" "The server is still carrying out an earlier change of this resource." "Wait until it is done, then plan again." "nats-server 2.15, cluster.desired";

    // what a step may cost
    StreamDeleted "stream-deleted" "A stream is deleted with all that it holds." "Stop who publishes to it, see that its consumers have read all, keep a copy (another stream can source it), then approve.";
    BucketDeleted "bucket-deleted" "A key-value bucket or an object store is deleted with all that it holds." "Keep a copy (`nats kv get`, a mirror), see that nobody uses it, then approve.";
    ConsumerDeleted "consumer-deleted" "A consumer is deleted: its position is lost, and on a stream of retention `interest` so is what only it held. Where its replacement was cut short, what holds its place (`trueup-keeps-NAME`) goes with it, and is weighed like it." "Stop its clients and let it read to the end first.";
    TopicDeleted "topic-deleted" "A topic is deleted with all of its records." "Stop who produces to it, see that its groups have read all, take its ACLs away first, then approve.";
    TopicRetentionLowered "topic-retention-lowered" "A topic keeps less than before (`retention.ms`, `retention.bytes`): what is older or beyond becomes deletable at once, and what is younger sooner than it was. That it goes sooner is `high` where the new time is at most a tenth of the old one (unlimited being more than ten times anything), or below an hour and at most half of it; else `medium`." "See that its groups have read what goes, or copy it first; lower it in steps, each with a look at the lag.";
    TopicRetentionRaised "topic-retention-raised" "A topic keeps more than before (`retention.ms`, `retention.bytes`), and the disks of its brokers may not have the room." "Make room first, or raise it in steps, each with a look at the disks; bound it by `retention.bytes`." "KIP-827";
    TopicDeletionOn "topic-deletion-on" "A topic that kept every key for good (`compact`) begins to delete records by age and size: what is older goes at once, and what is there now within `retention.ms`." "Set `retention.ms: unlimited` together with it and lower that in steps, or keep `compact` and make a new topic.";
    TopicCompactionOn "topic-compaction-on" "A topic begins to be compacted: only the last record of each key is kept, and one without a key is dropped." "Make a new topic with `cleanup.policy: compact` and let its producers go there; or copy what is to be kept first." "KIP-71";
    TopicTombstonesShortened "topic-tombstones-shortened" "A compacted topic shows deletions for less long (`delete.retention.ms`)." "Keep it longer than the slowest reader needs from the beginning to the end.";
    TopicRemoteStorageOff "topic-remote-storage-off" "Tiered storage of a topic is switched off, and what is there alone is deleted." "Set `remote.log.copy.disable: true` instead, which keeps it readable, or copy it first." "KIP-950";
    TopicPartitionsAdded "topic-partitions-added" "A topic gets more partitions: the same key goes to another one than before, and a group that starts at the end may miss the first records of a new one." "Keep the number; or make a new topic with more of them, let the old one be read to its end, then move its producers." "KAFKA-20030";
    TopicMessageSizeLowered "topic-message-size-lowered" "A topic takes smaller batches than before (`max.message.bytes`)." "Let its producers send smaller batches first (`max.request.size`, `batch.size`).";
    TopicTimestampsChanged "topic-timestamps-changed" "The times of a topic's records come from elsewhere than before (`message.timestamp.type`)." "Change it when its retention is far from what its readers need, or make a new topic." "KIP-32";
    TopicCompressionChanged "topic-compression-changed" "The broker packs a topic's batches in a way that was not its producers' choice (`compression.type`)." "See that every consumer's library knows it; `producer` leaves the choice to producers." "KIP-110";
    TopicMinIsrRaised "topic-min-isr-raised" "As many replicas must have a write (`min.insync.replicas`) as there are, or more: producers with `acks=all` are refused." "Keep it below the replication factor, so that a broker may be away.";
    TopicMinIsrLowered "topic-min-isr-lowered" "One replica is enough for a write (`min.insync.replicas: 1`): it may be lost though it was answered." "Keep 2 with three replicas; for maintenance, bring up the brokers instead.";
    TopicReplicasLowered "topic-replicas-lowered" "Fewer brokers keep each record of a topic: with one, it is gone when that broker is." "Keep 3 replicas for what must outlive a broker, and wait until all of them are in sync." "KIP-455";
    TopicMoved "topic-moved" "What a topic holds is copied to more brokers, which takes their disks, their network and time." "Do it when the cluster is quiet and has room; a topic at a time (`--target`)." "KIP-455";
    TopicBrokersCrowded "topic-brokers-crowded" "The brokers hold more replicas of partitions than they are advised to: each costs files, memory and time when a broker fails." "Take fewer partitions, take away topics that nobody uses, or add brokers." "Apache Kafka Supports 200K Partitions Per Cluster (2018): 4,000 a broker, 200,000 a cluster";
    TopicUncleanElection "topic-unclean-election" "A replica that is behind may lead (`unclean.leader.election.enable`): what it lacks is lost." "Leave it off; bring back a replica that was in sync.";
    AclRemoved "acl-removed" "An access right is taken away: whoever uses it is cut off." "See that nobody uses it; grant the narrower right before this one goes.";
    AclDenyShadows "acl-deny-shadows" "A deny takes what an existing ACL allows: a deny wins over every allow." "See that nobody uses it, or deny less: a narrower name, operation or host." "KIP-11";
    AclFirstOnResource "acl-first-on-resource" "Where `allow.everyone.if.no.acl.found` is `true`, a resource without ACLs is open to all, and its first ACL cuts off everybody that it does not name." "Give their rights to all who use it in the same plan." "KIP-11";
    AclWide "acl-wide" "An ACL allows more than somebody may expect: to everybody, or on everything." "Name the principals, and the resources by name or prefix.";
    AclPrefixOverlaps "acl-prefix-overlaps" "An ACL is on a prefix with which the prefix of somebody else begins: it is on all that is theirs, now and later." "Take a longer prefix that is nobody else's (`team-a.`), or name the resources." "KIP-290";
    AclInternal "acl-internal" "An ACL allows to change topics that the brokers keep for themselves." "Leave them out; groups and transactions have resources of their own." "KIP-11";
    AclAdmin "acl-admin" "An ACL allows to administer the cluster: who may alter it can give more rights to itself." "Give it to few, and to none that runs beside others." "KIP-11";
    QuotaLowered "quota-lowered" "Clients may take less than before: who takes more is throttled from then on." "See what they take now (the broker's metrics `byte-rate`, `throttle-time`), and lower it step by step." "KIP-13, KIP-546";
    QuotaRemoved "quota-removed" "A limit on clients goes: the next wider quota holds for them, or none." "See that one client can't take all: keep a default (`user-default`, `client-id-default`)." "KIP-13, KIP-546";
    UserDeleted "user-deleted" "A user is deleted: nobody can log in as it any more." "Let its clients log in as another user first; who is connected stays until the connection ends." "KIP-554";
    UserPasswordChanged "user-password-changed" "A user's password is set anew: with another one than this nobody can log in any more." "Let its clients have the new password at once; or make a second user with the same rights, move them, and delete this one." "KIP-554";
    UserMechanismRemoved "user-mechanism-removed" "A user can no longer log in by a mechanism." "Let its clients use the other one (`sasl.mechanism`) first." "KIP-554";

    // what a change of a stream, bucket or consumer may cost
    StreamLimitLowered "stream-limit-lowered" "A limit of a stream or bucket is lowered: what lies beyond it is deleted, or with `discard: new` refused from then on." "Let its consumers read to the end, keep a copy (another stream can source it), lower the limit in steps, then approve." "nats-server enforceMsgLimit, enforceBytesLimit, enforceMsgPerSubjectLimit";
    StreamAgeLowered "stream-age-lowered" "A stream or bucket keeps messages for a shorter time: those that are older are deleted at once, and those that are younger sooner than they were. That they go sooner is `high` where the new age is at most a tenth of the old one (unlimited being more than ten times anything), or below an hour and at most half of it; else `medium`." "Let its consumers read to the end, keep a copy (another stream can source it), lower the age in steps, then approve.";
    StreamRetentionChanged "stream-retention-changed" "A stream drops messages by another rule: with `interest`, what no consumer needs goes." "Make every consumer first, in an apply before this one, and let none of them be further than it should be; then approve.";
    StreamDiscardChanged "stream-discard-changed" "At its limits a stream refuses what it dropped, or drops what it refused." "Raise the limit first, or see that what is beyond it is not needed; see that publishers look at the answer they get.";
    StreamSubjectRemoved "stream-subject-removed" "A stream no longer captures a subject: what is published to it is kept nowhere, and its publishers get no answer." "Stop who publishes to it and let its consumers read to the end first; or let another stream of the same plan capture it.";
    StreamCatchesAll "stream-catches-all" "A stream captures subjects from the first token on, replies to requests among them." "Name the first token of what is meant: `orders.>` rather than `*.created` or `>`.";
    StreamSealed "stream-sealed" "A stream is sealed for good: no message can be added or removed any more, none expires, and nobody can take the seal off." "See that nobody publishes to it, and that it holds what it should; keep `max_age` where it only has to age out." "nats-server configUpdateCheck";
    StreamDenySet "stream-deny-set" "A stream denies deletion or purge through the API, which can't be taken back." "See that nobody needs it: a wrong message or personal data could go only with the whole stream." "nats-server configUpdateCheck";
    StreamReplicasLowered "stream-replicas-lowered" "Fewer servers keep each message: with one, it is gone when that server is." "Keep 3 replicas for what must outlive a server." "ADR-31; nats-server's RAFT groups";
    StreamReplicasEven "stream-replicas-even" "An even number of replicas survives no more failures than one fewer." "Take 3 or 5." "nats-server's RAFT groups";
    StreamMoved "stream-moved" "What a stream holds is copied to other servers." "Do it when the cluster is quiet and has room.";
    StreamMessageSizeLowered "stream-message-size-lowered" "A stream takes smaller messages only: larger ones are refused." "Let publishers send smaller messages first (or put large ones into an object store), then lower it.";
    StreamAcksChanged "stream-acks-changed" "Publishers are no longer told whether a stream took their message, or are told from now on." "See that no publisher waits for the answer; with `no_ack: false`, that the subjects cover no requests to services.";
    StreamDuplicateWindowShortened "stream-duplicate-window-shortened" "A message that is sent again counts as the same for a shorter time." "Keep it longer than the longest time after which a publisher tries again.";
    StreamTransformChanged "stream-transform-changed" "Messages are kept under other subjects than before: filters of consumers and of copies may no longer meet them." "Widen the filters first, or make a new stream with the transform.";
    StreamRepublishChanged "stream-republish-changed" "Kept messages are no longer published again where they were." "Move the subscribers first.";
    StreamSwitchedOff "stream-switched-off" "Something that publishers or readers of a stream may use is switched off." "See that no client uses it: readers of single messages (`allow_direct`), publishers of roll-ups, counters and batches.";
    StreamOriginChanged "stream-origin-changed" "A stream no longer copies what it copied, or copies it anew." "See that the copy is complete first; a source with another filter or start begins anew, so that messages may come twice.";
    ConsumerReplaced "consumer-replaced" "A consumer is deleted and made anew, for a field that never changes. It goes on where it stands: what is out unacknowledged is delivered again, and so is what was acknowledged out of order before the first that was not. Clients that are there are told that it was deleted, and some stop." "Let it settle what is out first, and see that its clients start again; or make a second consumer with another name, and retire this one." "nats-server updateConfig refuses the field";
    ConsumerFilterChanged "consumer-filter-changed" "A consumer gets other messages than before: what waits for it outside of the new filter is skipped, and on a stream of retention `interest` deleted." "Let it read to the end first; or make a second consumer with the new filter, and retire this one.";
    ConsumerMaxDeliverLowered "consumer-max-deliver-lowered" "A consumer gives up on a message earlier: what was delivered that often already is not delivered again." "Let it settle what is out for delivery first, and look after what was delivered again and again.";
    ConsumerAckWaitShortened "consumer-ack-wait-shortened" "A message counts as lost on its client earlier: slow work is done twice." "Keep it above the longest time that a client works at a message, or let clients say that they are at it (`+WPI`).";
    ConsumerInactiveThresholdSet "consumer-inactive-threshold-set" "A consumer is deleted with its position when no client was there for so long." "Leave it out where a consumer has to outlive its clients.";
    ConsumerMaxAckPendingLowered "consumer-max-ack-pending-lowered" "Fewer messages may be out unacknowledged: deliveries stop until enough are acknowledged." "Let it settle what is out first, or lower it when it is quiet.";
    ConsumerDeliveryChanged "consumer-delivery-changed" "A push consumer delivers elsewhere, or to another queue group." "Let the new subscribers listen before the change, and the old ones until after it.";
    ConsumerPullLimited "consumer-pull-limited" "A pull may ask for less than before: one that asks for more is refused." "Let clients ask for less first.";
    ConsumerHeadersOnly "consumer-headers-only" "A consumer delivers headers without payload." "See that its clients need no payload; or make a second consumer for those that don't.";
    ConsumerPaused "consumer-paused" "A consumer delivers nothing until then." "See that its stream keeps messages for longer than that.";
    ConsumerReplicasLowered "consumer-replicas-lowered" "Fewer servers keep a consumer's position." "Leave it at 0, which is as many as its stream.";
    ConsumerPriorityChanged "consumer-priority-changed" "Which client is served first goes by other rules or groups: a pull that names no group, or another, is refused." "Let clients name the group first.";
    InterestFirst "interest-first" "A consumer is to go, or to read something else, in the plan that lets its stream keep by interest: what waits for it would be deleted with that." "Apply the stream's change first, for which `--target` is good; the next plan counts what the consumer holds then.";

    RouteDeleted "route-deleted" "A route is deleted: what it has not moved yet stays where it is." "Let it move what is left first: stop who publishes to its source, and look at `trueup status`; to have it wait, say `state: paused`.";
    RouteReplaced "route-replaced" "A route begins anew: with another source, or with its subjects dealt out to other shards, it has another position." "Let it move what is left first; then make a new route beside it with a `start` of its own, and take this one out.";

    RecreatedEmpty "recreated-empty" "What the stack owns was deleted outside of trueup; it would be made anew, without what it held." "Find out who deleted it and restore it, or approve.";

    // what is wrong with an approval
    ApprovalExpired "approval-expired" "The end of an approval has come: it approves nothing." "Take it out of the manifest; where it is still wanted, give it a later `expires`.";
    ApprovalUnneeded "approval-unneeded" "An approval names a risk and a resource that nothing in the plan needs." "Where its work is done, take it out of the manifest; else take code and address from the plan.";

    // what ownership forbids
    OwnedByAnother "owned-by-another" "Another stack owns the resource." "Declare it in one stack only; `trueup ledger show` tells whose it is, and that stack lets it go with `trueup forget ADDRESS`.";
    Protected "protected" "The manifest said `protect: true` of it, so it is not deleted." "Declare it again with `lifecycle: { protect: false }` and apply, then take it away; or `trueup forget ADDRESS`.";
    MadeAnew "made-anew" "Somebody deleted it and made it anew: it is not the one that the stack owns." "Declare it to adopt it, or `trueup forget ADDRESS`.";
    LabelGone "label-gone" "The ledger says that the resource bears the stack's label, and it does not: the ledger may be an old copy, or another client erased it." "Declare it again and apply, which puts the label back; then take it out. Or `trueup forget ADDRESS`.";
    TooManyDeletes "too-many-deletes" "The plan would delete more than the limit." "See that the manifest is whole; raise `--max-delete` if it is meant.";
    Locked "locked" "Somebody else works on this stack." "Wait for it (`--lock-timeout 5m`); if it is dead its lease ends by itself within 30 s; `trueup lock show` tells who it is.";
    LockLost "lock-lost" "The lock could not be kept while the apply ran." "Run it again: it goes on from what is there.";
    LedgerFailed "ledger-failed" "The ledger could not be read or written." "The message says what is missing: a right on the bucket, a server, a file. Nothing is deleted without it.";
    LedgerElsewhere "ledger-elsewhere" "The ledger where the manifest's usually is holds nothing of the stack, and another one does, or can't be read: the manifest may have got, or lost, its section for NATS." "Take the records along with `trueup ledger move --from PLACE`, or say where the ledger is: `ledger: PLACE` in the manifest, or `--ledger PLACE`.";
    LedgerLost "ledger-lost" "The ledger does not know what bears the stack's label: it was emptied, lost, or put back to an older copy." "An apply records what is declared again. What the stack made and no longer declares stays: `trueup ledger rebuild` names what of it bears the label; declare it again, or delete it by hand.";

    // what a command could not do
    Usage "usage" "The command was asked for something that it does not do." "See `trueup COMMAND --help`.";
    OutputTaken "output-taken" "A file that a command is to write is one that it reads, or one that it writes already." "Name another file for it; nothing was written, and no broker was asked.";
    BadSnapshot "bad-snapshot" "The file is no snapshot that this trueup reads." "Take one with `trueup export --snapshot FILE`, with this version.";
    BadPlan "bad-plan" "The file is no plan that can be applied." "Save a new one with `trueup plan -o FILE`; a plan is never edited by hand.";
    LeftOut "left-out" "An export leaves something out that a manifest can't say." "The message says what and why; everything else is exported.";
    ConnectorLeftOut "connector-left-out" "A connector of another bridge can't be a route." "The message says why; the other connectors are converted.";
    ConnectorChanged "connector-changed" "What another bridge did with a connector was unsafe, or is not what the route does." "Read it before the route is applied, above all where the route begins.";
    OldPlan "old-plan" "The command made no plan, so the file that `-o` names still holds the one of an earlier run." "Plan again before you apply it, or remove the file.";
    Stale "stale" "What the saved plan rests on has moved since." "Plan again, and look at what changed.";
    System "system" "The operating system refused something that trueup needs." "Its own words say why.";

    // what could not be read
    Unreachable "unreachable" "A broker does not answer." "Check the address, the network and the broker's log.";
    LoginRefused "login-refused" "A broker answers and does not accept the login." "Check the user and the password, token or key in `connections`, and that the broker knows this user at this listener." "nats-server `Authorization Violation`; Kafka SASL_AUTHENTICATION_FAILED (58)";
    Denied "denied" "A right is missing, so the live state can't be known." "Grant the right that the message names; `trueup doctor` lists them all." "nats-server permissions; Kafka *_AUTHORIZATION_FAILED";
    Unreadable "unreadable" "The live state of a resource could not be read." "See the message; absence was not assumed.";
    WrongTarget "wrong-target" "The broker is not the one that the manifest pins." "Check the connection, or the pinned `account` or `cluster_id`." "Kafka cluster id (KIP-78)";
}

impl Code {
    /// The code that all of these are; none where they differ, or where there are none.
    pub fn of_all(mut codes: impl Iterator<Item = Code>) -> Option<Code> {
        let first = codes.next()?;
        codes.all(|code| code == first).then_some(first)
    }

    /// Whether it is of what a step may cost: what somebody can consent to.
    pub fn is_of_risk(self) -> bool {
        (Code::StreamDeleted..Code::ApprovalExpired).contains(&self)
    }

    /// Whether a broker could not be asked: nothing is known of what it would have said.
    pub const fn is_of_silence(self) -> bool {
        matches!(
            self,
            Code::Unreachable | Code::LoginRefused | Code::Unreadable
        )
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Code {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Code::ALL
            .iter()
            .copied()
            .find(|code| code.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no code"))
    }
}

by_text!(Code, "a stable code; `trueup explain CODE` prints its page");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_read_back() {
        for code in Code::ALL {
            assert_eq!(code.as_str().parse::<Code>().as_ref(), Ok(code));
        }
    }
}
