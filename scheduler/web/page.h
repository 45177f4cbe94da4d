// The frame around every page.
#pragma once

#include <string>

#include "scheduler/web/html.h"
#include "scheduler/web/language.h"
#include "scheduler/web/params.h"

namespace koeval::web {

// What the operator says about the site; plain texts.
struct Site {
  std::string title = "koeval";
  std::string footer = {};
  std::string contact = {};  // an address of mail or https://..., shown as a link; or a text
  std::string version = {};
};

enum class Tab { kLeaderboard, kQueue, kSubmit, kAbout, kNone };

// Who reads, and where.
struct PageContext {
  const Site& site;
  Language language = Language::kEnglish;
  std::string path = "/";
  Params params = {};
};

// The whole page. `watch`: the URL of a stream of events at which the page is read again; "" =
// none.
std::string RenderPage(const PageContext& context, Tab tab, std::string_view title,
                       const Markup& body, std::string_view watch = "");
// A page that says one thing: an error, or that something is missing.
std::string RenderMessagePage(const PageContext& context, const Words& title,
                              std::string_view message);
std::string RenderAboutPage(const PageContext& context, std::string_view markdown);
// The about text of this program, for an operator who wrote none.
std::string_view DefaultAbout(Language language);

}  // namespace koeval::web
