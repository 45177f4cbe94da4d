// The bounded queue, alone and between threads.
#include "common/base/bounded_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace koeval {
namespace {

TEST(BoundedQueueTest, FirstInIsFirstOut) {
  BoundedQueue<int> queue(3);
  for (const int i : {1, 2, 3}) EXPECT_TRUE(queue.TryPush(i));
  EXPECT_EQ(queue.Pop(), 1);
  EXPECT_EQ(queue.PopFor(1'000), 2);
  EXPECT_EQ(queue.Pop(), 3);
  EXPECT_EQ(queue.size(), 0u);
}

TEST(BoundedQueueTest, FullQueueRefusesInsteadOfWaiting) {
  BoundedQueue<int> queue(2);
  EXPECT_TRUE(queue.TryPush(1));
  EXPECT_TRUE(queue.TryPush(2));
  EXPECT_FALSE(queue.TryPush(3));
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.Pop(), 1);
  EXPECT_TRUE(queue.TryPush(3));
}

TEST(BoundedQueueTest, ClosedQueueDrainsAndRefuses) {
  BoundedQueue<int> queue(4);
  EXPECT_TRUE(queue.TryPush(1));
  EXPECT_TRUE(queue.TryPush(2));
  EXPECT_FALSE(queue.closed());
  queue.Close();
  EXPECT_TRUE(queue.closed());
  EXPECT_FALSE(queue.TryPush(3));
  EXPECT_FALSE(queue.Push(3));
  EXPECT_EQ(queue.Pop(), 1);
  EXPECT_EQ(queue.Pop(), 2);
  EXPECT_EQ(queue.Pop(), std::nullopt);
  EXPECT_EQ(queue.PopFor(1'000), std::nullopt);
}

TEST(BoundedQueueTest, DrainTakesAtMostWhatWasAskedFor) {
  BoundedQueue<int> queue(5);
  for (const int i : {1, 2, 3, 4, 5}) EXPECT_TRUE(queue.TryPush(i));
  EXPECT_EQ(queue.DrainUpTo(2), (std::vector<int>{1, 2}));
  EXPECT_EQ(queue.DrainUpTo(0), std::vector<int>{});
  EXPECT_EQ(queue.DrainUpTo(100), (std::vector<int>{3, 4, 5}));
  EXPECT_EQ(queue.DrainUpTo(100), std::vector<int>{});
}

TEST(BoundedQueueTest, EmptyQueueGivesNothingAfterTheWait) {
  BoundedQueue<int> queue(1);
  EXPECT_EQ(queue.PopFor(0), std::nullopt);
  EXPECT_EQ(queue.PopFor(1), std::nullopt);
}

TEST(BoundedQueueTest, MoveOnlyItemsPassThrough) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  EXPECT_TRUE(queue.TryPush(std::make_unique<int>(7)));
  EXPECT_EQ(**queue.Pop(), 7);
}

TEST(BoundedQueueTest, CloseWakesEveryWaiter) {
  BoundedQueue<int> empty(1);
  BoundedQueue<int> full(1);
  EXPECT_TRUE(full.TryPush(1));
  std::vector<std::thread> waiters;
  waiters.emplace_back([&] { EXPECT_EQ(empty.Pop(), std::nullopt); });
  waiters.emplace_back([&] { EXPECT_EQ(empty.PopFor(3'600'000), std::nullopt); });
  waiters.emplace_back([&] { EXPECT_FALSE(full.Push(2)); });
  empty.Close();
  full.Close();
  for (std::thread& waiter : waiters) waiter.join();
}

TEST(BoundedQueueTest, NoItemIsLostOrDoubledBetweenThreads) {
  constexpr int kProducers = 4;
  constexpr int kConsumers = 4;
  constexpr int kEach = 5'000;
  BoundedQueue<int> queue(16);
  std::vector<std::atomic<int>> seen(kProducers * kEach);
  std::vector<std::thread> producers, consumers;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&, p] {
      for (int i = 0; i < kEach; ++i) EXPECT_TRUE(queue.Push(p * kEach + i));
    });
  }
  for (int c = 0; c < kConsumers; ++c) {
    consumers.emplace_back([&, c] {
      while (true) {
        if (c % 2 == 0) {
          const auto item = queue.Pop();
          if (!item) return;
          ++seen[static_cast<size_t>(*item)];
          continue;
        }
        const auto item = queue.PopFor(3'600'000);
        if (!item) return;
        ++seen[static_cast<size_t>(*item)];
        for (const int more : queue.DrainUpTo(3)) ++seen[static_cast<size_t>(more)];
      }
    });
  }
  for (std::thread& producer : producers) producer.join();
  queue.Close();
  for (std::thread& consumer : consumers) consumer.join();
  for (const std::atomic<int>& count : seen) ASSERT_EQ(count.load(), 1);
}

}  // namespace
}  // namespace koeval
