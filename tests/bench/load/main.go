// The load of the benchmark, on franz-go: one command, one run, one line of JSON.
//
//	load produce  -t TOPIC -n RECORDS -s SIZE [-rate R] [-producers P] [-batch B] [-linger MS] [-codec C]
//	load consume  -t TOPIC -n RECORDS [-consumers C]
//	load echo     -t TOPIC -n RECORDS -s SIZE          one record at a time, there and back
//	load mixed    -t TOPIC -seconds S -rate R -s SIZE  20 producers, 20 consumers in 4 groups
//	load gap      -t TOPIC -seconds S                  the longest time without an acknowledged write
//	load topics   -seconds S                           the longest time without a created topic
//	load create   -t TOPIC -p PARTITIONS               until every partition has its leader
//	load delete   -t TOPIC                             until nobody knows the topic
//	load first    -t TOPIC                             until one record is written to it; it is made if need be
//	load healthy -t TOPIC                              until every replica is in sync
//	load leader   -t TOPIC                             of partition 0; and the active controller
//
// Times are milliseconds, CPU is seconds of this process, by getrusage.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var (
	bootstrap = flag.String("b", "127.0.0.1:9092", "bootstrap servers")
	topic     = flag.String("t", "bench", "topic")
	records   = flag.Int("n", 1_000_000, "records")
	size      = flag.Int("s", 100, "bytes of a record's value")
	parts     = flag.Int("p", 6, "partitions")
	replicas  = flag.Int("r", 3, "replicas")
	rate      = flag.Int("rate", 0, "records a second, all producers together; 0: as many as possible")
	batch     = flag.Int("batch", 65536, "largest batch, bytes")
	lingerMs  = flag.Int("linger", 5, "ms")
	codec     = flag.String("codec", "none", "none, lz4, zstd, snappy, gzip")
	producers = flag.Int("producers", 1, "clients that write")
	consumers = flag.Int("consumers", 1, "clients that read")
	groups    = flag.Int("groups", 4, "groups of the consumers")
	seconds   = flag.Int("seconds", 10, "how long")
)

type answer map[string]any

func main() {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("which command?"))
	}
	command := os.Args[1]
	if err := flag.CommandLine.Parse(os.Args[2:]); err != nil {
		fail(err)
	}
	commands := map[string]func(context.Context) answer{
		"produce": produce, "consume": consume, "echo": echo, "mixed": mixed,
		"gap": gap, "topics": topics, "create": create, "delete": remove, "first": first, "healthy": healthy, "leader": leader,
	}
	run, known := commands[command]
	if !known {
		fail(fmt.Errorf("no command %q", command))
	}
	result := run(context.Background())
	result["clientCpu"] = cpu()
	line, err := json.Marshal(result)
	if err != nil {
		fail(err)
	}
	fmt.Println(string(line))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func must[T any](value T, err error) T {
	if err != nil {
		fail(err)
	}
	return value
}

func cpu() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		fail(err)
	}
	return float64(used.Utime.Sec+used.Stime.Sec) + float64(used.Utime.Usec+used.Stime.Usec)/1e6
}

func client(options ...kgo.Opt) *kgo.Client {
	given := []kgo.Opt{
		kgo.SeedBrokers(strings.Split(*bootstrap, ",")...),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }),
		kgo.MetadataMinAge(50 * time.Millisecond),
	}
	return must(kgo.NewClient(append(given, options...)...))
}

func writer() *kgo.Client {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
		"snappy": kgo.SnappyCompression(), "gzip": kgo.GzipCompression(),
	}
	return client(
		kgo.DefaultProduceTopic(*topic),
		kgo.ProducerBatchMaxBytes(int32(*batch)),
		kgo.MaxBufferedRecords(200_000 / *producers),
		kgo.ProducerBatchCompression(codecs[*codec]),
		kgo.ProducerLinger(time.Duration(*lingerMs)*time.Millisecond),
	)
}

// value compresses to about half: words of sixteen letters, every other one random.
func value() []byte {
	bytes := make([]byte, *size)
	state := uint64(88172645463325252)
	for i := range bytes {
		if i/16%2 == 0 {
			bytes[i] = "abcdefghijklmnop"[i%16]
			continue
		}
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		bytes[i] = byte(33 + state%90)
	}
	return bytes
}

type latencies struct {
	lock sync.Mutex
	ms   []float64
}

func (l *latencies) add(since time.Time) {
	ms := float64(time.Since(since).Microseconds()) / 1e3
	l.lock.Lock()
	l.ms = append(l.ms, ms)
	l.lock.Unlock()
}

func (l *latencies) into(result answer) answer {
	l.lock.Lock()
	defer l.lock.Unlock()
	if len(l.ms) == 0 {
		return result
	}
	slices.Sort(l.ms)
	at := func(part float64) float64 { return l.ms[min(len(l.ms)-1, int(part*float64(len(l.ms))))] }
	result["p50"], result["p99"], result["p999"] = at(0.5), at(0.99), at(0.999)
	result["max"] = l.ms[len(l.ms)-1]
	return result
}

// At full speed a latency is mostly the client's own queue: every hundredth record is timed.
const timedOneIn = 100

func produce(ctx context.Context) answer {
	var failed atomic.Int64
	var seen latencies
	content := value()
	began := time.Now()
	var all sync.WaitGroup
	for p := range *producers {
		all.Go(func() {
			writes := writer()
			defer writes.Close()
			for i := p; i < *records; i += *producers {
				isTimed := *rate > 0 || i%timedOneIn == 0
				if *rate > 0 {
					time.Sleep(time.Until(began.Add(time.Duration(float64(i) / float64(*rate) * 1e9))))
				}
				sent := time.Now()
				writes.Produce(ctx, kgo.SliceRecord(content), func(_ *kgo.Record, err error) {
					if err != nil {
						failed.Add(1)
					} else if isTimed {
						seen.add(sent)
					}
				})
			}
			if err := writes.Flush(ctx); err != nil {
				fail(err)
			}
		})
	}
	all.Wait()
	took := time.Since(began).Seconds()
	return seen.into(answer{
		"records": *records, "seconds": took, "failed": failed.Load(),
		"perSecond": float64(*records) / took, "mbPerSecond": float64(*records**size) / took / 1e6,
	})
}

func consume(ctx context.Context) answer {
	var got, bytes atomic.Int64
	began := time.Now()
	reading, done := context.WithCancel(ctx)
	var all sync.WaitGroup
	for c := range *consumers {
		mine := map[int32]kgo.Offset{}
		for p := c; p < *parts; p += *consumers {
			mine[int32(p)] = kgo.NewOffset().AtStart()
		}
		all.Go(func() {
			reads := client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{*topic: mine}))
			defer reads.Close()
			for reading.Err() == nil {
				fetches := reads.PollFetches(reading)
				count, size := 0, 0
				fetches.EachRecord(func(r *kgo.Record) {
					count++
					size += len(r.Value)
				})
				bytes.Add(int64(size))
				if got.Add(int64(count)) >= int64(*records) {
					done()
				}
			}
		})
	}
	all.Wait()
	done()
	took := time.Since(began).Seconds()
	return answer{
		"records": got.Load(), "seconds": took, "failed": max(0, int64(*records)-got.Load()),
		"perSecond": float64(got.Load()) / took, "mbPerSecond": float64(bytes.Load()) / took / 1e6,
	}
}

func echo(ctx context.Context) answer {
	writes := writer()
	defer writes.Close()
	reads := client(
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{*topic: {0: kgo.NewOffset().AtEnd()}}),
	)
	defer reads.Close()
	content := value()
	await := func() {
		for got := 0; got == 0; {
			got = reads.PollFetches(ctx).NumRecords()
		}
	}
	send := func() {
		record := &kgo.Record{Topic: *topic, Partition: 0, Value: content}
		if err := writes.ProduceSync(ctx, record).FirstErr(); err != nil {
			fail(err)
		}
	}
	// The reader stands at the end only once it has asked where that is: what is sent sooner may be missed.
	isThere := make(chan struct{})
	go func() { await(); close(isThere) }()
	for waiting := true; waiting; {
		send()
		select {
		case <-isThere:
			waiting = false
		case <-time.After(100 * time.Millisecond):
		}
	}
	for quiet := true; quiet; {
		soon, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		quiet = reads.PollFetches(soon).NumRecords() > 0
		cancel()
	}
	var seen latencies
	began := time.Now()
	for range *records {
		sent := time.Now()
		writes.Produce(ctx, &kgo.Record{Topic: *topic, Partition: 0, Value: content}, func(_ *kgo.Record, err error) {
			if err != nil {
				fail(err)
			}
		})
		await()
		seen.add(sent)
	}
	took := time.Since(began).Seconds()
	return seen.into(answer{"records": *records, "seconds": took, "perSecond": float64(*records) / took, "failed": 0})
}

func mixed(ctx context.Context) answer {
	var sent, failed, got atomic.Int64
	var seen latencies
	content := value()
	until := time.Now().Add(time.Duration(*seconds) * time.Second)
	reading, done := context.WithCancel(ctx)
	var writing, readers sync.WaitGroup
	for c := range *consumers {
		readers.Go(func() {
			reads := client(
				kgo.ConsumeTopics(*topic),
				kgo.ConsumerGroup(fmt.Sprintf("%s-%d", *topic, c%*groups)),
				kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
				kgo.AutoCommitInterval(time.Second),
			)
			defer reads.Close()
			for reading.Err() == nil {
				got.Add(int64(reads.PollFetches(reading).NumRecords()))
			}
		})
	}
	for range *producers {
		writing.Go(func() {
			writes := writer()
			defer writes.Close()
			pause := time.Duration(float64(*producers) / float64(*rate) * 1e9)
			for next := time.Now(); next.Before(until); next = next.Add(pause) {
				time.Sleep(time.Until(next))
				began := time.Now()
				sent.Add(1)
				writes.Produce(ctx, kgo.SliceRecord(content), func(_ *kgo.Record, err error) {
					if err != nil {
						failed.Add(1)
					} else {
						seen.add(began)
					}
				})
			}
			if err := writes.Flush(ctx); err != nil {
				fail(err)
			}
		})
	}
	writing.Wait()
	wanted := (sent.Load() - failed.Load()) * int64(*groups)
	for late := time.Now().Add(30 * time.Second); got.Load() < wanted && time.Now().Before(late); {
		time.Sleep(50 * time.Millisecond)
	}
	done()
	readers.Wait()
	return seen.into(answer{
		"records": sent.Load(), "consumed": got.Load(), "seconds": float64(*seconds),
		"failed": failed.Load() + max(0, wanted-got.Load()),
	})
}

// longest remembers the longest time between two successes.
type longest struct {
	lock sync.Mutex
	last time.Time
	ms   float64
}

func (l *longest) success() {
	l.lock.Lock()
	defer l.lock.Unlock()
	now := time.Now()
	if !l.last.IsZero() {
		l.ms = max(l.ms, float64(now.Sub(l.last).Microseconds())/1e3)
	}
	l.last = now
}

func gap(ctx context.Context) answer {
	writes := writer()
	defer writes.Close()
	var quiet longest
	var failed, sent atomic.Int64
	content := value()
	until := time.Now().Add(time.Duration(*seconds) * time.Second)
	for next := time.Now(); next.Before(until); next = next.Add(5 * time.Millisecond) {
		time.Sleep(time.Until(next))
		sent.Add(1)
		writes.Produce(ctx, &kgo.Record{Topic: *topic, Value: content}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Add(1)
			} else {
				quiet.success()
			}
		})
	}
	if err := writes.Flush(ctx); err != nil {
		fail(err)
	}
	return answer{"records": sent.Load(), "gap": quiet.ms, "failed": failed.Load()}
}

func topics(ctx context.Context) answer {
	var quiet longest
	made := 0
	until := time.Now().Add(time.Duration(*seconds) * time.Second)
	asks := client(kgo.RetryTimeout(time.Second))
	defer asks.Close()
	admin := kadm.NewClient(asks)
	for i := 0; time.Now().Before(until); i++ {
		name := fmt.Sprintf("%s-%d", *topic, i)
		limit, cancel := context.WithTimeout(ctx, 2*time.Second)
		_, err := admin.CreateTopic(limit, 1, int16(*replicas), nil, name)
		cancel()
		if err == nil {
			quiet.success()
			made++
		}
		time.Sleep(20 * time.Millisecond)
	}
	return answer{"records": made, "gap": quiet.ms, "failed": 0}
}

func create(ctx context.Context) answer {
	asks := client()
	defer asks.Close()
	admin := kadm.NewClient(asks)
	admin.SetTimeoutMillis(120_000)
	began := time.Now()
	must(admin.CreateTopic(ctx, int32(*parts), int16(*replicas), nil, *topic))
	for {
		known := must(admin.ListTopics(ctx, *topic))[*topic]
		led := 0
		for _, p := range known.Partitions {
			if p.Leader >= 0 && p.Err == nil {
				led++
			}
		}
		if led == *parts {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return answer{"ms": float64(time.Since(began).Microseconds()) / 1e3, "failed": 0}
}

func remove(ctx context.Context) answer {
	asks := client()
	defer asks.Close()
	admin := kadm.NewClient(asks)
	admin.SetTimeoutMillis(120_000)
	began := time.Now()
	must(admin.DeleteTopic(ctx, *topic))
	for must(admin.ListTopics(ctx)).Has(*topic) {
		time.Sleep(5 * time.Millisecond)
	}
	return answer{"ms": float64(time.Since(began).Microseconds()) / 1e3, "failed": 0}
}

func first(ctx context.Context) answer {
	began := time.Now()
	for time.Since(began) < 5*time.Minute {
		limit, cancel := context.WithTimeout(ctx, 2*time.Second)
		if writeOne(limit) == nil {
			cancel()
			return answer{"ms": float64(time.Since(began).Microseconds()) / 1e3, "failed": 0}
		}
		cancel()
		time.Sleep(20 * time.Millisecond)
	}
	fail(fmt.Errorf("nothing was written within five minutes"))
	return nil
}

// A client of its own each time: none that waits for a broker that was not there a moment ago.
func writeOne(ctx context.Context) error {
	writes := client(kgo.DefaultProduceTopic(*topic), kgo.RetryTimeout(time.Second))
	defer writes.Close()
	if err := writes.Ping(ctx); err != nil {
		return err
	}
	_, err := kadm.NewClient(writes).CreateTopic(ctx, 1, int16(*replicas), nil, *topic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return err
	}
	return writes.ProduceSync(ctx, kgo.SliceRecord(value())).FirstErr()
}

func healthy(ctx context.Context) answer {
	asks := client()
	defer asks.Close()
	admin := kadm.NewClient(asks)
	for began := time.Now(); time.Since(began) < 2*time.Minute; time.Sleep(50 * time.Millisecond) {
		lacking := 0
		for _, p := range must(admin.ListTopics(ctx, *topic))[*topic].Partitions {
			lacking += len(p.Replicas) - len(p.ISR)
		}
		if lacking == 0 {
			return answer{"ms": float64(time.Since(began).Microseconds()) / 1e3, "failed": 0}
		}
	}
	fail(fmt.Errorf("replicas of %s are still missing after two minutes", *topic))
	return nil
}

func leader(ctx context.Context) answer {
	asks := client()
	defer asks.Close()
	admin := kadm.NewClient(asks)
	known := must(admin.ListTopics(ctx, *topic))[*topic]
	return answer{"leader": known.Partitions[0].Leader, "controller": activeController(ctx, asks), "failed": 0}
}

func activeController(ctx context.Context, asks *kgo.Client) int32 {
	partition := kmsg.NewDescribeQuorumRequestTopicPartition()
	log := kmsg.NewDescribeQuorumRequestTopic()
	log.Topic, log.Partitions = "__cluster_metadata", append(log.Partitions, partition)
	request := kmsg.NewPtrDescribeQuorumRequest()
	request.Topics = append(request.Topics, log)
	told := must(request.RequestWith(ctx, asks))
	if len(told.Topics) == 0 || len(told.Topics[0].Partitions) == 0 {
		fail(fmt.Errorf("the quorum is not described: error %d", told.ErrorCode))
	}
	return told.Topics[0].Partitions[0].LeaderID
}
