// Expressions of templates out of tokens.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/evaluation/template_ast.h"
#include "common/evaluation/template_lexer.h"

namespace koeval::evaluation {

// A recursive-descent parser with Jinja's precedence, over the tokens of one template; the parser
// of statements is built on it. Every failure is INVALID_ARGUMENT with line and column.
class ExpressionParser {
 protected:
  ExpressionParser(std::vector<Token> tokens, TemplateDialect dialect)
      : dialect_(dialect), tokens_(std::move(tokens)) {}

  bool chat() const { return dialect_ == TemplateDialect::kChat; }

  const Token& Now() const { return tokens_[at_]; }
  const Token& Next() const;
  // The current token; the one after it becomes the current one.
  Token Take();
  bool IsOperator(std::string_view text) const;
  bool IsName(std::string_view text) const;
  // Take the current token when it is the one asked for.
  bool AcceptOperator(std::string_view text);
  bool AcceptName(std::string_view text);
  Status ExpectOperator(std::string_view text);
  Status ExpectClose();
  Result<std::string> ExpectName();
  // The error that the current token does not belong here.
  Status Unexpected() const;

  // Counts one more level of nesting; the error when there are too many.
  Status Enter();
  void Leave() { --depth_; }

  // One expression, or several with commas between, which are a tuple.
  Result<ExprPtr> ParseTuple(bool with_conditional);
  Result<ExprPtr> ParseExpression();
  // The filters, tests and calls that follow `expr`, with `expr` inside.
  Result<ExprPtr> ParseFilters(ExprPtr expr);
  // `name` with the filters that follow: what a block with filters evaluates.
  Result<ExprPtr> ParseBlockFilters(std::string name);
  // The same for a tag that starts with the first filter's name, without its bar.
  Result<ExprPtr> ParseFilterTag(std::string name);
  // Chains are bounded for each statement of a chat template, which may have many.
  void StartStatement() {
    if (chat()) links_ = 0;
  }

 private:
  using Level = Result<ExprPtr> (ExpressionParser::*)();

  // Counts one more operator. Chains such as a + b + c are parsed in a loop but evaluated
  // recursively, so their length is bounded.
  Status Link();
  Result<ExprPtr> ParseChain(Level tighter, Expr::Kind kind, Token::Kind word,
                             std::initializer_list<std::string_view> signs);
  Result<ExprPtr> ParseOr();
  Result<ExprPtr> ParseAnd();
  Result<ExprPtr> ParseNot();
  // The comparison operator that follows, taken; empty when there is none.
  std::string TakeComparison();
  Result<ExprPtr> ParseCompare();
  Result<ExprPtr> ParseSum();
  Result<ExprPtr> ParseConcat();
  Result<ExprPtr> ParseProduct();
  Result<ExprPtr> ParsePower();
  Result<ExprPtr> ParseSigned();
  Result<ExprPtr> ParseUnary(bool with_filters);
  Result<ExprPtr> ParsePrimary();
  Result<ExprPtr> ParseName();
  Result<ExprPtr> ParseNumber();
  Result<ExprPtr> ParseBrackets();
  Result<ExprPtr> ParseList();
  Result<ExprPtr> ParseDict();
  Result<ExprPtr> ParsePostfix(ExprPtr expr);
  Result<ExprPtr> ParseAttribute(ExprPtr object);
  Result<ExprPtr> ParseSubscript(ExprPtr object);
  // Arguments up to the closing bracket, added to `call`.
  Status ParseArguments(Expr& call);
  Result<ExprPtr> ParseCall(ExprPtr callee);
  // The filter whose name is the current token; `place` is where its bar stands.
  Result<ExprPtr> ParseFilter(Place place, ExprPtr operand);
  // The error for a filter or test that does not exist, which Jinja finds before it renders.
  Status CheckKnown(const Expr& expr) const;
  Result<ExprPtr> ParseTest(ExprPtr operand);

  const TemplateDialect dialect_;
  const std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  int links_ = 0;
};

}  // namespace koeval::evaluation
