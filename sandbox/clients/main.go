// A service of the platform that speaks NATS: it publishes numbered messages into a stream, and it reads a stream and
// counts what is lost, doubled or out of its order.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Message is the payload: an id, which is the key, and, for each key, a number that counts from 0.
type Message struct {
	Key string `json:"id"`
	N   int    `json:"n"`
	Pad string `json:"pad,omitempty"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "events:", err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) < 2 {
		return errors.New("say `publish` or `read`")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	subject := flags.String("subject", "events.created", "publish: where to, `{key}` is the key; read: what to read")
	stream := flags.String("stream", "", "read: the stream")
	keys := flags.Int("keys", 1, "how many keys there are")
	count := flags.Int("count", 10, "how many messages each key has")
	size := flags.Int("size", 0, "publish: bytes of padding")
	first := flags.Int("first", 0, "read: wait until so many came, and show them; without, read what is there")
	pause := flags.Duration("pause", 0, "publish: how long each key waits between two messages")
	if err := flags.Parse(os.Args[2:]); err != nil {
		return err
	}
	url := os.Getenv("NATS_URL")
	conn, err := nats.Connect(url, nats.MaxReconnects(-1), nats.ReconnectWait(200*time.Millisecond), nats.RetryOnFailedConnect(true))
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	switch os.Args[1] {
	case "publish":
		return publish(js, *subject, *keys, *count, *size, *pause)
	case "read":
		return read(js, *stream, *subject, *keys, *count, *first)
	default:
		return fmt.Errorf("`%s` is neither `publish` nor `read`", os.Args[1])
	}
}

// Each key has a publisher of its own, which goes on when a message is stored: its order is kept, whatever fails. A message
// that is sent again bears the same id, so that the stream holds it once.
func publish(js jetstream.JetStream, subject string, keys, count, size int, pause time.Duration) error {
	pad := strings.Repeat("x", size)
	started := time.Now()
	var sent atomic.Int64
	var all sync.WaitGroup
	for k := range keys {
		all.Add(1)
		go func() {
			defer all.Done()
			key := fmt.Sprintf("k%d", k)
			to := strings.ReplaceAll(subject, "{key}", key)
			for n := range count {
				payload, _ := json.Marshal(Message{Key: key, N: n, Pad: pad})
				message := &nats.Msg{Subject: to, Data: payload, Header: nats.Header{"Key": {key}}}
				store(js, message, fmt.Sprintf("%s-%s-%d", subject, key, n))
				sent.Add(1)
				time.Sleep(pause)
			}
		}()
	}
	all.Wait()
	return told(map[string]any{"published": sent.Load(), "seconds": time.Since(started).Seconds()})
}

// Until the stream has it.
func store(js jetstream.JetStream, message *nats.Msg, id string) {
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		_, err := js.PublishMsg(ctx, message, jetstream.WithMsgID(id))
		cancel()
		if err == nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// Reads what the stream holds now, or the first messages that come, and compares it with what was published.
func read(js jetstream.JetStream, stream, subject string, keys, count, first int) error {
	ctx := context.Background()
	config := jetstream.OrderedConsumerConfig{FilterSubjects: []string{subject}}
	consumer, err := js.OrderedConsumer(ctx, stream, config)
	if err != nil {
		return err
	}
	tally := newTally(keys, count)
	for {
		batch, err := consumer.Fetch(1000, jetstream.FetchMaxWait(3*time.Second))
		if err != nil {
			return err
		}
		before := tally.read
		for message := range batch.Messages() {
			var body Message
			if err := json.Unmarshal(message.Data(), &body); err != nil {
				return fmt.Errorf("`%s` is no message of ours: %w", message.Data(), err)
			}
			tally.take(body)
			if first > 0 {
				fmt.Printf("%s %s\n", message.Subject(), message.Data())
			}
			if first > 0 && tally.read == first {
				return told(tally.told())
			}
		}
		if first == 0 && tally.read == before {
			return told(tally.told())
		}
	}
}

type tally struct {
	keys, count             int
	read, doubled, inverted int
	seen                    map[string]map[int]bool
	highest                 map[string]int
}

func newTally(keys, count int) *tally {
	return &tally{keys: keys, count: count, seen: map[string]map[int]bool{}, highest: map[string]int{}}
}

// A message is inverted when it comes for the first time behind one of the same key that was published after it.
func (t *tally) take(message Message) {
	t.read++
	seen := t.seen[message.Key]
	if seen == nil {
		seen = map[int]bool{}
		t.seen[message.Key] = seen
		t.highest[message.Key] = -1
	}
	switch {
	case seen[message.N]:
		t.doubled++
	case message.N < t.highest[message.Key]:
		t.inverted++
	}
	seen[message.N] = true
	t.highest[message.Key] = max(t.highest[message.Key], message.N)
}

func (t *tally) told() map[string]any {
	distinct := 0
	for _, seen := range t.seen {
		distinct += len(seen)
	}
	return map[string]any{"read": t.read, "lost": t.keys*t.count - distinct, "doubled": t.doubled, "inverted": t.inverted}
}

func told(what map[string]any) error {
	return json.NewEncoder(os.Stdout).Encode(what)
}
