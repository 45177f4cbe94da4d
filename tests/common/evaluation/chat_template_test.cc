// Chat templates: what Jinja2 and transformers render for the same template and conversation.
#include "common/evaluation/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace koeval::evaluation {
namespace {

using ::testing::HasSubstr;

std::string Folder() {
  const char* source = std::getenv("KOEVAL_SOURCE_DIR");
  return std::string(source == nullptr ? "." : source) + "/tests/golden/templates/";
}

std::string ReadAll(const std::string& name) {
  std::ifstream file(Folder() + name);
  EXPECT_TRUE(file.good()) << name;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Json Parsed(const std::string& text) {
  const auto json = ParseJson(text);
  EXPECT_TRUE(json.ok()) << json.status().ToString();
  return json.ok() ? *json : Json::object();
}

std::vector<Json> Lines(const std::string& name) {
  std::istringstream text(ReadAll(name));
  std::vector<Json> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(Parsed(line));
  return lines;
}

ChatTemplateSource Source(std::string text) {
  return {.name = "default", .text = std::move(text), .special_tokens = {}};
}

Result<std::string> RenderChat(const ChatTemplateSource& source, const Json& variables,
                               PromptEnd end = PromptEnd::kAnswer) {
  ASSIGN_OR_RETURN(const ChatTemplate chat, ChatTemplate::Make(source));
  RenderContext context{.now_seconds = 1732406400};
  return chat.Render(variables, end, context);
}

// Renders `source` over one user turn.
Result<std::string> Try(const std::string& source) {
  return RenderChat(Source(source), {{"messages", {{{"role", "user"}, {"content", "hi"}}}}});
}

std::string ErrorOf(const std::string& source) {
  const auto text = Try(source);
  EXPECT_FALSE(text.ok()) << source.substr(0, 80);
  return text.ok() ? "" : text.status().ToString();
}

// The same text as `wanted`, or a failure of the same kind.
void ExpectSame(const Json& wanted, const Result<std::string>& got, const std::string& what) {
  if (wanted.contains("text")) {
    ASSERT_TRUE(got.ok()) << what << "\n" << got.status().ToString();
    EXPECT_EQ(*got, wanted["text"].get<std::string>()) << what;
    return;
  }
  ASSERT_FALSE(got.ok()) << what << "\ngave " << *got;
  const bool raised = got.status().code() == Code::kFailedPrecondition;
  EXPECT_EQ(raised, wanted["error"] == "template") << what << "\n" << got.status().ToString();
}

PromptEnd EndOf(const std::string& mode) {
  if (mode == "prompt") return PromptEnd::kAnswer;
  return mode == "continue" ? PromptEnd::kContinue : PromptEnd::kAsItIs;
}

TEST(ChatTemplateVectorTest, ConversationsAreRenderedAsTransformersDoes) {
  const Json shared = Parsed(ReadAll("conversations.json"));
  size_t count = 0;
  for (const Json& line : Lines("vectors.jsonl")) {
    ChatTemplateSource source = Source(ReadAll(line["template"].get<std::string>() + ".jinja"));
    for (const auto& [name, token] : shared["special_tokens"].items()) {
      source.special_tokens.emplace_back(name, token.get<std::string>());
    }
    const Json& variables = shared["conversations"][line["conversation"].get<std::string>()];
    const std::string mode = line["mode"];
    ExpectSame(line, RenderChat(source, variables, EndOf(mode)),
               line["template"].get<std::string>() + ", " +
                   line["conversation"].get<std::string>() + ", " + mode);
    ++count;
  }
  EXPECT_GT(count, 800u);
}

TEST(ChatTemplateVectorTest, ExpressionsAreRenderedAsJinjaDoes) {
  const Json row = Parsed(ReadAll("row.json"));
  size_t count = 0;
  for (const Json& line : Lines("expressions.jsonl")) {
    const std::string source = line["source"];
    const auto parsed = Template::Parse(source, TemplateDialect::kChat);
    if (!parsed.ok()) {
      EXPECT_TRUE(line.contains("error")) << source << "\n" << parsed.status().ToString();
      continue;
    }
    RenderContext context{.now_seconds = 1732406400};
    ExpectSame(line, parsed->Render(row, context), source);
    ++count;
  }
  EXPECT_GT(count, 700u);
}

TEST(ChatTemplateTest, ErrorsNameTemplateLineAndReason) {
  EXPECT_EQ(ErrorOf("a\n{{ raise_exception('no system') }}"),
            "FAILED_PRECONDITION: chat template \"default\": template line 2, column 19: the "
            "template says: no system");
  EXPECT_THAT(ErrorOf("{{ messages[0].zzz.x }}"), HasSubstr("line 1, column 15"));
  EXPECT_THAT(ErrorOf("\n\n{% if %}"), HasSubstr("template line 3"));
  EXPECT_THAT(ErrorOf("{% include 'x' %}"), HasSubstr("'include' is not supported"));
  EXPECT_THAT(ErrorOf("{{ 1 | nothing }}"), HasSubstr("filter 'nothing' is not supported"));
  EXPECT_THAT(ErrorOf("{{ 1 is nothing }}"), HasSubstr("test 'nothing' is not supported"));
}

TEST(ChatTemplateTest, NothingThatATemplateIsGivenCanBeChanged) {
  for (const char* source : {"{{ messages.append(1) }}", "{{ messages[0].update({'role': 'x'}) }}",
                             "{{ messages[0].pop('role') }}", "{% set messages[0].role = 'x' %}",
                             "{% set messages.x = 1 %}", "{{ messages.__class__.mro() }}"}) {
    EXPECT_FALSE(Try(source).ok()) << source;
  }
}

TEST(ChatTemplateTest, HostileTemplatesEndWithAnError) {
  const std::string loops =
      "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}";
  const std::string recursion = "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}";
  const std::string mutual =
      "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}";
  const std::string loop_recursion = "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}";
  const std::string caller =
      "{% macro f() %}{% call f() %}{{ caller() }}{% endcall %}{% endmacro %}"
      "{% call f() %}x{% endcall %}";
  const std::string doubling =
      "{% set ns = namespace(x='ab') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}"
      "{% endfor %}{{ ns.x }}";
  const std::string cycle = "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}";
  const std::string printed = "{% set ns = namespace(x=1) %}{{ ns }}{{ ns | string }}";
  const std::string escaped = "{% macro f() %}{% endmacro %}{% set l = [f] %}";
  const std::string text = "{% for i in range(2000) %}{{ 'x' * 100000 }}{% endfor %}";
  const std::string indents = "{{ ('a\n' * 1000000) | indent(1000) }}";
  std::string nested = "{{ 1 }}";
  for (int i = 0; i < 300; ++i) nested = "{% if true %}" + nested + "{% endif %}";
  std::string chain = "{{ 1";
  for (int i = 0; i < 5000; ++i) chain += "~1";
  std::string deep_filter = "{{ 'a'";
  for (int i = 0; i < 5000; ++i) deep_filter += "|trim";
  for (const std::string& source :
       {loops, recursion, mutual, loop_recursion, caller, doubling, cycle, printed, escaped, text,
        indents, nested, deep_filter + "}}", "{{ " + std::string(5000, '(') + "}}",
        std::string("{{ range(10**9) }}"), std::string("{{ strftime_now('%c' * 1000) }}"),
        std::string("{{ 'ab' | batch(99999999) }}"), std::string("{{ {} | tojson(indent=9999) }}"),
        std::string("{% for i in range(100000) %}{% for j in range(100) if false %}{% endfor %}"
                    "{% endfor %}")}) {
    EXPECT_FALSE(Try(source).ok()) << source.substr(0, 80);
  }
  EXPECT_TRUE(Try(chain + "}}").ok());  // one operator with many operands
}

TEST(ChatTemplateTest, TheClockIsTheOneThatIsGiven) {
  EXPECT_EQ(*Try("{{ strftime_now('%Y-%m-%d %H:%M') }}"), "2024-11-24 00:00");
}

TEST(ChatTemplateTest, StepsOfSeveralRenderingsAddUp) {
  const auto chat =
      ChatTemplate::Make(Source("{% for m in messages %}{{ m.content }}{% endfor %}"));
  ASSERT_TRUE(chat.ok());
  const Json variables = {{"messages", {{{"role", "user"}, {"content", "hi"}}}}};
  RenderContext context;
  ASSERT_TRUE(chat->Render(variables, PromptEnd::kAnswer, context).ok());
  const int64_t once = context.steps;
  EXPECT_GT(once, 0);
  ASSERT_TRUE(chat->Render(variables, PromptEnd::kAnswer, context).ok());
  EXPECT_EQ(context.steps, 2 * once);
}

TEST(ChatTemplateTest, AMessageThatTheTemplateLeavesOutCannotGoOn) {
  const auto text = RenderChat(
      Source("{{ messages[0].content }}"),
      {{"messages",
        {{{"role", "user"}, {"content", "Q"}}, {{"role", "assistant"}, {"content", "A"}}}}},
      PromptEnd::kContinue);
  ASSERT_FALSE(text.ok());
  EXPECT_THAT(text.status().message(), HasSubstr("gen_prefix"));
}

}  // namespace
}  // namespace koeval::evaluation
